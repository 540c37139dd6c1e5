//! Where randomness comes from: the one place that asks the operating system for it.

use model::world::Random;
use ring::rand::SecureRandom;

/// The operating system's randomness.
pub struct SystemRandom(ring::rand::SystemRandom);

impl SystemRandom {
    /// The operating system's randomness.
    #[expect(clippy::disallowed_methods, reason = "this is the implementation that everybody else is handed")]
    pub fn new() -> Self {
        Self(ring::rand::SystemRandom::new())
    }
}

impl Default for SystemRandom {
    fn default() -> Self {
        Self::new()
    }
}

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.fill(bytes).expect("without randomness there is no safe way to go on");
    }
}

/// Bytes that only look random: the same for the same seed, so that a test can be replayed. Never built into a product.
#[cfg(any(test, feature = "test-random"))]
pub struct SeededRandom(std::sync::Mutex<blake3::OutputReader>);

#[cfg(any(test, feature = "test-random"))]
impl SeededRandom {
    /// The bytes that belong to a seed.
    pub fn new(seed: u64) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"rehome test randomness").update(&seed.to_be_bytes());
        Self(std::sync::Mutex::new(hasher.finalize_xof()))
    }
}

#[cfg(any(test, feature = "test-random"))]
impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().expect("filling cannot panic").fill(bytes);
    }
}
