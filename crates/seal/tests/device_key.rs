//! Signed requests: what a device's key or its session signs, a server takes; anything else it refuses.

use std::convert::Infallible;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use model::signature::{Covered, FIELDS, Parameters, SessionId, Signer};
use seal::device_key::{DeviceKey, ProofError, digest, parameters, print, prove, verify, verify_bytes};
use seal::random::SystemRandom;
use seal::session::{Half, SessionKey};

const DIGEST: &str = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";

fn request() -> Covered<'static> {
    let mut fields = [None; FIELDS.len()];
    fields[0] = Some("Bearer abc");
    fields[1] = Some(DIGEST);
    Covered { method: "POST", authority: "rehome.example", path: "/api/v1/backups", query: None, fields }
}

fn signed(key: &DeviceKey) -> (Parameters, String) {
    let parameters = parameters(print(&key.public_key()), 1_764_000_000, &SystemRandom::new());
    let proof = prove(&request(), &parameters, |bytes| Ok::<_, Infallible>(key.sign(bytes))).expect("it cannot fail");
    assert_eq!(request().read(&proof.input), Ok(parameters));
    (parameters, proof.signature)
}

/// Requests that differ from [`request`] in one thing.
fn others() -> Vec<Covered<'static>> {
    let mut others = vec![
        Covered { method: "PUT", ..request() },
        Covered { authority: "other.example", ..request() },
        Covered { path: "/api/v1/backup", ..request() },
        Covered { query: Some("x"), ..request() },
    ];
    for place in 0..FIELDS.len() {
        for value in [Some("something else"), if place < 2 { None } else { Some("") }] {
            let mut other = request();
            other.fields[place] = value;
            others.push(other);
        }
    }
    others
}

#[test]
fn a_request_that_the_device_signed_is_taken_and_each_part_of_it_is_covered() {
    let key = DeviceKey::generate();
    let (parameters, signature) = signed(&key);
    assert_eq!(verify(&request(), &parameters, &signature, &key.public_key()), Ok(()));
    for covered in others() {
        let refused = verify(&covered, &parameters, &signature, &key.public_key());
        assert_eq!(refused, Err(ProofError::WrongSignature), "{covered:?}");
    }
}

#[test]
fn another_key_and_every_flipped_bit_are_refused() {
    let key = DeviceKey::generate();
    let (parameters, field) = signed(&key);
    let other = DeviceKey::generate().public_key();
    assert_eq!(verify(&request(), &parameters, &field, &other), Err(ProofError::WrongSignature));

    let text = model::signature::read_signature_field(&field).expect("our own field");
    let bytes = BASE64.decode(text).expect("our own base64");
    for bit in 0..bytes.len() * 8 {
        let mut bad = bytes.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let bad = model::signature::signature_field(&BASE64.encode(&bad));
        assert!(verify(&request(), &parameters, &bad, &key.public_key()).is_err(), "bit {bit}");
    }
    // r and s of zero (security.md 2.7) and a signature cut short.
    for bad in [vec![0; 64], bytes[..63].to_vec(), Vec::new()] {
        let bad = model::signature::signature_field(&BASE64.encode(&bad));
        assert!(verify(&request(), &parameters, &bad, &key.public_key()).is_err());
    }
}

#[test]
fn a_key_is_read_back_as_it_was_written_and_garbage_is_none() {
    let key = DeviceKey::generate();
    let again = DeviceKey::from_pkcs8(key.to_pkcs8()).expect("our own bytes");
    assert_eq!(again.public_key(), key.public_key());
    assert!(DeviceKey::from_pkcs8(&key.to_pkcs8()[1..]).is_err());
    assert!(DeviceKey::from_pkcs8(b"").is_err());
}

#[test]
fn two_signatures_of_one_request_have_two_nonces() {
    let key = DeviceKey::generate();
    assert_ne!(signed(&key).0, signed(&key).0);
}

/// A session as both sides see it.
fn session() -> (SessionKey, SessionKey) {
    let device = print(&DeviceKey::generate().public_key());
    let (ours, theirs) = (Half::new(), Half::new());
    let (asked, answered) = (ours.field(), theirs.field());
    let server = theirs.with_device(&asked, device).expect("a key");
    (ours.with_server(&answered, device).expect("a key"), server)
}

#[test]
fn both_sides_of_a_session_agree_and_each_part_of_a_request_is_covered() {
    let (device, server) = session();
    assert_eq!(device.id(), server.id());
    let parameters = Parameters { created: 1_764_000_000, by: Signer::Session { session: device.id(), count: 1 } };
    let proof = device.sign(&request(), &parameters);
    assert_eq!(request().read(&proof.input), Ok(parameters));
    assert_eq!(server.verify(&request(), &parameters, &proof.signature), Ok(()));
    for covered in others() {
        let refused = server.verify(&covered, &parameters, &proof.signature);
        assert_eq!(refused, Err(ProofError::WrongSignature), "{covered:?}");
    }
    let next = Parameters { by: Signer::Session { session: device.id(), count: 2 }, ..parameters };
    let other = Parameters { by: Signer::Session { session: SessionId([0; 8]), count: 1 }, ..parameters };
    for parameters in [next, other] {
        assert_eq!(server.verify(&request(), &parameters, &proof.signature), Err(ProofError::WrongSignature));
    }
    assert_eq!(session().1.verify(&request(), &parameters, &proof.signature), Err(ProofError::WrongSignature));
    for bad in ["rh1=:QUJD:", "rh1=::", "rh1=:*:", "rh2=:QUJD:", ""] {
        assert!(server.verify(&request(), &parameters, bad).is_err(), "{bad}");
    }
}

#[test]
fn a_session_belongs_to_one_device_and_a_bad_half_opens_none() {
    let keys = [DeviceKey::generate(), DeviceKey::generate()].map(|key| print(&key.public_key()));
    let (ours, theirs) = (Half::new(), Half::new());
    let (asked, answered) = (ours.field(), theirs.field());
    let mine = ours.with_server(&answered, keys[0]).expect("a key");
    let other = theirs.with_device(&asked, keys[1]).expect("a key");
    assert_ne!(mine.id(), other.id());
    // Points of small order make the secret zero (RFC 7748, 6.1).
    let one = [&[1_u8][..], &[0; 31]].concat();
    for bad in [BASE64.encode([0; 32]), BASE64.encode(one), BASE64.encode([7; 31]), "*".to_owned(), String::new()] {
        assert!(Half::new().with_device(&bad, keys[0]).is_none(), "{bad}");
    }
}

/// The example of RFC 9530, appendix D: the digest of `{"hello": "world"}` and a line break.
#[test]
fn a_digest_is_written_as_the_standard_writes_it() {
    assert_eq!(digest(b"{\"hello\": \"world\"}\n"), "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:");
}

/// RFC 9421, B.2.4: its key (B.1.3), its base, its signature.
#[test]
fn the_standards_own_ecdsa_signature_is_taken() {
    let spki = BASE64
        .decode(
            "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lfw0EkjqF7xB4FivAxzic30tMM4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==",
        )
        .expect("base64");
    let key = spki.last_chunk::<65>().expect("the point is at the end of it");
    let base = "\"@status\": 200\n\
        \"content-type\": application/json\n\
        \"content-digest\": sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:\n\
        \"content-length\": 23\n\
        \"@signature-params\": (\"@status\" \"content-type\" \"content-digest\" \"content-length\");created=1618884473;keyid=\"test-key-ecc-p256\"";
    let signature = BASE64
        .decode("wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32oiasw==")
        .expect("base64");
    assert_eq!(verify_bytes(base.as_bytes(), &signature, key), Ok(()));
    assert!(verify_bytes(base.replace("200", "201").as_bytes(), &signature, key).is_err());
}
