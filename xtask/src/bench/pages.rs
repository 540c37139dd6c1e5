//! Every page of the console with a hundred thousand people, PCs and backups: how long the server takes for it, and how many bytes it is.
//!
//! Promised are 50 ms and 150 kB. The pages are asked for one after the other over HTTP on the same machine, each on a connection of its own, after one round that is not
//! counted; the first page after a start is told by itself.

use std::fmt::Write;

use anyhow::{Context, bail};

use super::measure::{Watch, median};
use super::product::Product;
use super::report::{Report, circumstances};
use super::{Args, fleet};
use crate::http::{self, Answer};
use crate::{repo, say};

/// People, each with a PC.
const PCS: u32 = 100_000;

/// What a page may take, and how large it may be.
const MILLIS_MAX: f64 = 50.0;
const BYTES_MAX: usize = 150_000;

/// The pages. What stands in braces is taken from the fleet.
const PAGES: [&str; 37] = [
    "/console",
    "/console/devices",
    "/console/devices?q=pc-0077",
    "/console/devices?standing=stale",
    "/console/devices?sort=backup",
    "/console/devices?sort=seen",
    "/console/devices?sort=user&page=900",
    "/console/devices/{device}",
    "/console/devices/{device}/revoke",
    "/console/users",
    "/console/users?q=person-0077",
    "/console/users?sort=backup",
    "/console/users?sort=devices",
    "/console/users?standing=restorable&page=500",
    "/console/users/{user}",
    "/console/users/{user}/erase",
    "/console/groups",
    "/console/groups/new",
    "/console/groups/{group}",
    "/console/groups/{group}/edit",
    "/console/groups/{group}/delete",
    "/console/filters",
    "/console/filters/new",
    "/console/policies",
    "/console/policies/{policy}",
    "/console/policies/{policy}/history",
    "/console/policies/{policy}/switch",
    "/console/policies/{policy}/delete",
    "{draft}?step=settings",
    "{draft}?step=assignments",
    "{draft}?step=assignments&q=pc-0077",
    "{draft}?step=review",
    "/console/what-if?device={device}",
    "/console/enrollment",
    "/console/reports",
    "/console/eligibility",
    "/console/audit",
];

/// Measures them.
pub fn measure(args: &Args, report: &mut Report) -> anyhow::Result<()> {
    let scratch = repo::scratch("bench-")?;
    let product = fleet::make(scratch.path(), PCS, true)?;
    let text = format!(
        "## Pages\n\n{}\n{PCS} people with a PC and a backup each. {}",
        circumstances(),
        table(&product, args, MILLIS_MAX)?
    );
    report.section("pages", text);
    Ok(())
}

/// Time and bytes of each page over the fleet that is in the product. `millis_max`: what is promised.
pub fn table(product: &Product, args: &Args, millis_max: f64) -> anyhow::Result<String> {
    let token = product.server.token("example", "admin")?;
    let rule = serde_json::json!({"name": "Model 7", "of": "devices", "rule": "device.deviceModel -eq \"Model 7\""});
    let group = made(product, &token, ("/api/v1/groups", &rule))?;
    let policy = serde_json::json!({"name": "Daily", "enabled": true, "settings": {"backup.interval_hours": 24},
        "assignments": {"all_users": true, "exclude": {"groups": [group]}}});
    let policy = made(product, &token, ("/api/v1/policies", &policy))?;
    let desk = Desk::sign_in(product)?;
    let draft = desk.get("/console/policies/new")?;
    let draft = draft.header("location").context("a new policy leads to its draft")?;
    let (draft, first_id) =
        (draft.split('?').next().unwrap_or_default().to_owned(), format!("{:016x}{}", 2, "5a".repeat(8)));
    let fill = |page: &str| {
        [
            ("{draft}", &draft),
            ("{group}", &group),
            ("{policy}", &policy),
            ("{device}", &first_id),
            ("{user}", &first_id),
        ]
        .iter()
        .fold(page.to_owned(), |page, (name, with)| page.replace(name, with))
    };
    let mut text = format!(
        "Time and bytes of each page as the console's administrator gets it, {} rounds after one that is not counted. Promised: {millis_max} ms, {BYTES_MAX} bytes.\n\n",
        args.rounds
    );
    let mut rows = Vec::new();
    for page in PAGES {
        let address = fill(page);
        let (first, bytes) = desk.timed(&address)?;
        rows.push((page, first, bytes, Vec::new()));
    }
    for _ in 0..args.rounds {
        for (page, _, _, times) in &mut rows {
            times.push(desk.timed(&fill(page))?.0);
        }
    }
    writeln!(text, "| page | first | median | worst | bytes |\n| --- | --- | --- | --- | --- |")?;
    let mut missed = 0;
    for (page, first, bytes, times) in &rows {
        let (middle, worst) = (median(times.clone()), times.iter().copied().fold(0.0, f64::max));
        missed += usize::from(middle > millis_max || *bytes > BYTES_MAX);
        writeln!(text, "| `{page}` | {first:.1} ms | {middle:.1} ms | {worst:.1} ms | {bytes} |")?;
    }
    say::note(&format!("{missed} of {} pages miss what is promised", rows.len()));
    writeln!(text, "\n{missed} of {} pages miss what is promised.", rows.len())?;
    Ok(text)
}

/// Makes something through the API and gives its id.
fn made(product: &Product, token: &str, (path, body): (&str, &serde_json::Value)) -> anyhow::Result<String> {
    let answer = fleet::post(product, token, (path, body))?;
    let id = serde_json::from_str::<serde_json::Value>(&answer.body)
        .ok()
        .and_then(|made| Some(made["id"].as_str()?.to_owned()));
    id.with_context(|| format!("{path} answered {}: {}", answer.status, answer.body))
}

/// A browser of an administrator.
struct Desk {
    listen: String,
    cookies: String,
}

impl Desk {
    /// Makes the account of the product an owner and signs it in.
    fn sign_in(product: &Product) -> anyhow::Result<Self> {
        product.server.make_owner("example", "bench")?;
        let listen = product.server.listen().to_owned();
        let page = http::get(&listen, "/t/example/login", &[])?;
        let cookies = page.cookies();
        let hidden = page.body.split("<input type=\"hidden\" name=\"").nth(1).context("the sign-in has a token")?;
        let (name, rest) = hidden.split_once('"').context("the token has a name")?;
        let value = rest.split('"').nth(1).context("the token has a value")?;
        let form = format!("{name}={value}&name=bench&password={}", product.invitation.password);
        let fields = [
            ("cookie".to_owned(), cookies.clone()),
            ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
            ("origin".to_owned(), format!("http://{listen}")),
        ];
        let answer = http::post(&listen, "/t/example/login", (&fields, &form))?;
        if answer.status != 303 {
            bail!("the sign-in was answered with {}: {}", answer.status, answer.body);
        }
        Ok(Self { listen, cookies: format!("{cookies}; {}", answer.cookies()) })
    }

    fn get(&self, path: &str) -> anyhow::Result<Answer> {
        http::get(&self.listen, path, &[("cookie".to_owned(), self.cookies.clone())])
    }

    /// Milliseconds and bytes of a page.
    fn timed(&self, path: &str) -> anyhow::Result<(f64, usize)> {
        let watch = Watch::start();
        let answer = self.get(path)?;
        let took = watch.elapsed().as_secs_f64() * 1e3;
        if answer.status != 200 {
            bail!("{path} was answered with {}: {}", answer.status, answer.body);
        }
        Ok((took, answer.body.len()))
    }
}
