//! `docs/roles.md` against the program: which permission each role has, and which each address takes.

use std::fmt::Write;

use model::permission::{BuiltIn, Permission};
use server::access::Demand;
use server::api;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/roles.md");
const BEGIN: &str = "<!-- made from the program: begin -->\n";
const END: &str = "<!-- made from the program: end -->";

fn tables() -> String {
    let mut page = String::from("\n## Who may do what\n\n| permission | lets one |");
    for role in BuiltIn::ALL {
        write!(page, " {} |", role.word()).unwrap();
    }
    page.push_str("\n| --- | --- |");
    page.push_str(&" --- |".repeat(BuiltIn::ALL.len()));
    page.push('\n');
    for &permission in Permission::ALL {
        let mark = if permission.is_sensitive() { " *" } else { "" };
        write!(page, "| `{}`{mark} | {} |", permission.word(), permission.title()).unwrap();
        for role in BuiltIn::ALL {
            page.push_str(if role.has(permission) { " yes |" } else { " |" });
        }
        page.push('\n');
    }
    page.push_str("\n\\* within ten minutes of a sign-in; service accounts never hold it.\n");
    page.push_str("\n## Which address takes what\n\n| address | takes |\n| --- | --- |\n");
    for route in api::routes().table() {
        let demand = match route.demand {
            Demand::Anyone => "nothing".to_owned(),
            Demand::OwnDevice => "a person's own PC".to_owned(),
            Demand::SignedIn => "a person who has signed in".to_owned(),
            Demand::Permission(permission) => format!("`{}`", permission.word()),
        };
        writeln!(page, "| `{} {}` | {demand} |", route.method, route.path).unwrap();
    }
    page
}

#[test]
fn the_page_says_what_the_program_does() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (found, after) = rest.split_once(END).unwrap();
    if std::env::var_os("UPDATE_ROLES_PAGE").is_some() {
        #[expect(clippy::disallowed_methods, reason = "a page of the source tree, under version control")]
        std::fs::write(PAGE, format!("{before}{BEGIN}{}{END}{after}", tables())).unwrap();
        return;
    }
    assert!(
        found == tables(),
        "docs/roles.md is not what the program does: UPDATE_ROLES_PAGE=1 cargo test -p server --test it roles_page"
    );
}
