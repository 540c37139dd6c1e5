//! Signed requests: what a device's key signs, a server takes; anything else it refuses.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use model::ids::DeviceId;
use model::signature::{Covered, Malformed};
use seal::device_key::{DeviceKey, ProofError, digest, parameters, verify};
use seal::random::SystemRandom;

fn request() -> Covered<'static> {
    Covered {
        method: "POST",
        authority: "rehome.example",
        path: "/api/v1/backups",
        query: None,
        authorization: "Bearer abc",
        digest: Some("sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"),
    }
}

fn signed(key: &DeviceKey) -> (String, String) {
    let proof = key.sign(&request(), &parameters(DeviceId([3; 16]), 1_764_000_000, &SystemRandom::new()));
    (proof.input, proof.signature)
}

#[test]
fn a_request_that_the_device_signed_is_taken() {
    let key = DeviceKey::generate();
    let (input, signature) = signed(&key);
    let found = verify(&request(), (&input, &signature), &key.public_key()).expect("its own signature");
    assert_eq!((found.device, found.created), (DeviceId([3; 16]), 1_764_000_000));
}

#[test]
fn each_part_of_the_request_is_covered() {
    let key = DeviceKey::generate();
    let (input, signature) = signed(&key);
    let other = [
        Covered { method: "PUT", ..request() },
        Covered { authority: "other.example", ..request() },
        Covered { path: "/api/v1/backup", ..request() },
        Covered { query: Some("x"), ..request() },
        Covered { authorization: "Bearer abd", ..request() },
        Covered { digest: Some("sha-256=:AAAA:"), ..request() },
    ];
    for covered in other {
        let refused = verify(&covered, (&input, &signature), &key.public_key());
        assert_eq!(refused, Err(ProofError::WrongSignature), "{covered:?}");
    }
    let without_digest = Covered { digest: None, ..request() };
    assert_eq!(verify(&without_digest, (&input, &signature), &key.public_key()), Err(Malformed.into()));
}

#[test]
fn another_key_and_every_flipped_bit_are_refused() {
    let key = DeviceKey::generate();
    let (input, field) = signed(&key);
    let other = DeviceKey::generate().public_key();
    assert_eq!(verify(&request(), (&input, &field), &other), Err(ProofError::WrongSignature));

    let text = model::signature::read_signature_field(&field).expect("our own field");
    let bytes = BASE64.decode(text).expect("our own base64");
    for bit in 0..bytes.len() * 8 {
        let mut bad = bytes.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let bad = model::signature::signature_field(&BASE64.encode(&bad));
        assert!(verify(&request(), (&input, &bad), &key.public_key()).is_err(), "bit {bit}");
    }
    // r and s of zero (security.md 2.7) and a signature cut short.
    for bad in [vec![0; 64], bytes[..63].to_vec(), Vec::new()] {
        let bad = model::signature::signature_field(&BASE64.encode(&bad));
        assert!(verify(&request(), (&input, &bad), &key.public_key()).is_err());
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

/// The example of RFC 9530, appendix D: the digest of `{"hello": "world"}` and a line break.
#[test]
fn a_digest_is_written_as_the_standard_writes_it() {
    assert_eq!(digest(b"{\"hello\": \"world\"}\n"), "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:");
}
