//! What the crate has that calls no Windows: on other systems the crate is empty, so these files are read here once more, with their tests.

#[path = "../src/desktop/colour.rs"]
mod colour;
#[path = "../src/text.rs"]
mod text;
