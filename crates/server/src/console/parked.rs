//! Forms that came after their session had ended, or on a sign-in that was too old: kept by a word that only their sender gets, and for the browser that sent them, so that they can be shown to them again
//! once they have signed in, by whichever server. They are never taken over without a second look. Without the browser, whoever sends somebody such a word would have them send a form
//! that they have not filled in.
//!
//! Whoever sent one is not known, so it is in the database under no organisation and no person; it is sealed under a key of the word and of the browser's cookie, of which the
//! database has neither (decision 104).

use std::collections::HashMap;
use std::sync::Arc;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::App;
use crate::api::admin::random_id;
use crate::api::extract::apart;
use crate::identity::hash_token;
use crate::login::visitor::Visitor;

/// What only the sender's address and browser have together.
fn key(word: &str, browser: &str) -> LessSafeKey {
    let mut hasher = blake3::Hasher::new_derive_key("rehome 2026 form that waits for a sign-in");
    // The first is always of one length.
    hasher.update(browser.as_bytes()).update(word.as_bytes());
    let key: [u8; 32] = hasher.finalize().into();
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).expect("a key of 32 bytes"))
}

/// A word is used once, so there is one message of its key.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

fn seal(fields: &HashMap<String, String>, word: &str, browser: &str) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(fields).expect("fields are texts");
    key(word, browser).seal_in_place_append_tag(nonce(), Aad::empty(), &mut bytes).expect("far from the limit");
    bytes
}

fn open(mut sealed: Vec<u8>, word: &str, browser: &str) -> Option<HashMap<String, String>> {
    let bytes = key(word, browser).open_in_place(nonce(), Aad::empty(), &mut sealed).ok()?;
    serde_json::from_slice(bytes).ok()
}

/// Keeps a form for the visitor's browser, which has a name, and gives the word. `None`: there were too many from that address, or it could not be kept, which
/// must not stand in the way of the sign-in.
pub(super) async fn park(app: &Arc<App>, visitor: &Visitor, fields: HashMap<String, String>) -> Option<String> {
    let browser = visitor.browser_secret()?;
    app.gates.parked(visitor.address).ok()?;
    let word = model::ids::to_hex(&random_id(app));
    let (worker, hash, sealed) = (Arc::clone(app), hash_token(&word), seal(&fields, &word, browser));
    let kept = apart(move || worker.store.park_form(hash, sealed, worker.clock.now())).await;
    kept.is_ok().then_some(word)
}

/// The form with that word, if it is this browser's.
pub(super) async fn parked(app: &Arc<App>, visitor: &Visitor, word: &str) -> Option<HashMap<String, String>> {
    let browser = visitor.browser_secret().filter(|_| !word.is_empty())?;
    let (worker, hash) = (Arc::clone(app), hash_token(word));
    let sealed = apart(move || worker.store.parked_form(hash, worker.clock.now())).await.ok()?;
    open(sealed?, word, browser)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_opens_with_its_word_in_its_browser_and_says_nothing_to_others() {
        let fields = HashMap::from([("name".to_owned(), "Payroll of Vienna".to_owned())]);
        let sealed = seal(&fields, "aa", "browser");
        assert!(!sealed.windows(7).any(|piece| piece == b"Payroll"));
        assert_eq!(open(sealed.clone(), "aa", "browser"), Some(fields));
        assert_eq!(open(sealed.clone(), "ab", "browser"), None);
        assert_eq!(open(sealed.clone(), "aa", "another"), None);
        assert_eq!(open(sealed[1..].to_vec(), "aa", "browser"), None);
    }
}
