//! Every route of the table, asked without the credential that it demands.

use crate::support::Place;
use server::access::Demand;
use server::api;

/// An address of the table with ids that nothing has.
fn filled(path: &str) -> String {
    let segment = |part: &str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        Some("snapshot" | "blob") => "cd".repeat(32),
        Some(_) => "ab".repeat(16),
        None => part.to_owned(),
    };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

#[test]
fn every_route_but_those_for_anyone_refuses_who_shows_nothing() {
    let place = Place::new();
    let live = place.serve();
    let routes = api::routes();
    let mut walked = 0;
    for route in routes.table() {
        let path = filled(route.path);
        let answers = [("", "nothing"), ("00", "a token of nobody")]
            .map(|(token, what)| (live.ask(route.method.as_str(), &path, token, &[], b""), what));
        for (answer, what) in answers {
            walked += 1;
            match route.demand {
                Demand::Anyone => assert!(![401, 403].contains(&answer.status), "{} {path} with {what}", route.method),
                _ => assert_eq!(answer.status, 401, "{} {path} with {what}", route.method),
            }
        }
    }
    assert!(walked >= 46, "{walked}");
}

#[test]
fn the_addresses_for_anyone_are_these() {
    let routes = api::routes();
    let open = routes.table().iter().filter(|route| route.demand == Demand::Anyone);
    let open: Vec<String> = open.map(|route| format!("{} {}", route.method, route.path)).collect();
    assert_eq!(
        open,
        [
            "GET /livez",
            "GET /readyz",
            "GET /healthz",
            "GET /version",
            "GET /api/v1/limits",
            "GET /api/v1/capabilities",
            "POST /api/v1/enroll",
            "POST /api/v1/sign-in/device-code",
            "POST /api/v1/sign-in/token",
        ],
        "whoever adds one says here that it is meant for anyone"
    );
}
