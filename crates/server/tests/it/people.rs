//! People sign in, as a browser and an identity provider see it.

mod agents;
pub mod browser;
mod built_in;
mod matrix;
mod oidc;
pub mod provider;
