//! The envelope: compress, encrypt, authenticate, open; key wrapping and content ids.
