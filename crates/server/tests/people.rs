//! People sign in, as a browser and an identity provider see it.

#![expect(clippy::unwrap_used, reason = "a test: what fails here fails it")]

mod support;

mod people {
    mod agents;
    mod browser;
    mod built_in;
    mod matrix;
    mod oidc;
    mod provider;
}
