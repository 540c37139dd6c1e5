//! A fleet of PCs against a server: `cargo xtask fleet`. Not part of the product.
//!
//! Each PC has a key of its own, settings drawn from the real catalog, and seals, signs and opens as the agent does. All enrol and back up once; then comes Monday morning:
//! everybody turns their PC on within the given time, most of them early in it, checks in and backs up, which for nine in ten means to find that nothing has changed. At the end
//! every snapshot that the server has ever confirmed is fetched and opened, and must be the one that was sent.
//!
//! Server and PCs share this process and this machine; times count from when a request was due. Chance is the same again from its seed, but for keys and the order of threads.

mod measure;
mod pc;
mod person;

use std::net::TcpListener;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use measure::Measured;
use model::world::Random;
use pc::{Pc, Way};
use person::Chance;
use seal::random::SystemRandom;
use server::app::Settings;
use server::gates::Bounds;
use server::world::SystemClock;
use server::{App, enrolment_token, listen};
use store::NewEnrolmentToken;

/// PCs of one person.
const PCS_EACH: usize = 4;

/// How long tokens are good, in milliseconds.
const TOKEN_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// A fleet of PCs against a server
#[derive(Parser)]
struct Args {
    /// How many PCs
    #[arg(long, default_value_t = 1_000)]
    devices: usize,
    /// Seconds of Monday morning
    #[arg(long, default_value_t = 30)]
    seconds: u32,
    /// Requests on the way at once, at most
    #[arg(long, default_value_t = 32)]
    threads: usize,
    /// Where chance begins
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder for the server's data; one that goes again if not given
    #[arg(long)]
    folder: Option<std::path::PathBuf>,
}

/// All PCs, each with one thread at a time.
type Fleet = [Mutex<Pc>];

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let scratch = tempfile::tempdir()?;
    let folder = args.folder.as_deref().unwrap_or(scratch.path());
    let (app, tokens) = begin(folder, args.devices)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let authority = listener.local_addr()?.to_string();
    let served = Arc::clone(&app);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads can be had");
        runtime.block_on(listen::serve(served, listener, None, std::future::pending()))
    });
    let fleet: Vec<Mutex<Pc>> = (0..args.devices).map(|number| Mutex::new(Pc::new(number, args.seed))).collect();
    let at_once = vec![0.0; args.devices];
    let mut all = Measured::default();
    for (what, step) in [
        (
            "enrolment",
            &(|pc: &mut Pc, way: &mut Way<'_>, number: usize| pc.enroll(way, &tokens[number / PCS_EACH])) as &Step<'_>,
        ),
        ("first backups", &|pc, way, _| pc.back_up(way)),
    ] {
        all.add(chapter(what, (&fleet, &at_once, &args), &authority, step));
    }
    let herd = herd(&args);
    all.add(chapter("Monday morning", (&fleet, &herd, &args), &authority, &|pc, way, _| pc.visit(way)));
    let confirmed = AtomicUsize::new(0);
    all.add(chapter("opening everything", (&fleet, &at_once, &args), &authority, &|pc, way, _| {
        for (_, snapshot) in pc.confirmed.clone() {
            pc.opens(way, snapshot, "open")?;
            confirmed.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }));
    let sent: usize = fleet.iter().map(|pc| pc.lock().unwrap_or_else(PoisonError::into_inner).confirmed.len()).sum();
    let lost = sent - confirmed.load(Ordering::Relaxed);
    let report = app.store.verify(&|_| true)?;
    anstream::println!("{}", all.table());
    anstream::println!(
        "{} PCs; {sent} snapshots confirmed, {lost} lost; {} errors; told to come later: {}; {:.1} MB sent, {:.1} MB received; most memory of all: {:.0} MB",
        args.devices,
        all.errors.len(),
        all.later,
        megabytes(all.sent),
        megabytes(all.received),
        memory_megabytes().unwrap_or(f64::NAN),
    );
    for error in all.errors.iter().chain(&report.findings).take(10) {
        anstream::eprintln!("{error}");
    }
    let is_well = lost == 0 && all.errors.is_empty() && report.findings.is_empty();
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A server with an organisation, its people, and a token for each of them.
fn begin(folder: &Path, devices: usize) -> anyhow::Result<(Arc<App>, Vec<String>)> {
    let settings = Settings {
        data_dir: folder.join("data"),
        database: folder.join("data/rehome.db").into(),
        blobs: folder.join("data/blobs").display().to_string(),
        root_key: folder.join("root.key"),
        root_key_old: None,
        bounds: Bounds::OPEN,
        hosts: Vec::new(),
        site: server::login::site::Site::default(),
        passwords_refused: None,
    };
    let random = Arc::new(SystemRandom::new());
    let app = App::open(&settings, Arc::new(SystemClock), Arc::clone(&random) as Arc<_>)?;
    let world = (app.clock.now(), &*app.random);
    let scope = app.keyring.create_tenant(&app.store, "default", world)?;
    let hash = server::password::hash("nobody types this password", &*app.random);
    let mut tokens = Vec::new();
    for number in 0..devices.div_ceil(PCS_EACH) {
        let name = format!("person{number}");
        app.keyring.create_user(&app.store, &scope, (&name, hash.clone()), world)?;
        let user = app.store.user_named(&scope, &name)?.context("the person was just made")?;
        let token = enrolment_token::make(&*app.random);
        let mut id = [0; 16];
        random.fill(&mut id);
        let new = NewEnrolmentToken {
            id,
            hash: enrolment_token::hash(&token).context("a token is a token")?,
            note: String::new(),
            user: Some(user),
            approval: false,
            uses_max: u32::try_from(PCS_EACH)?,
            expires_at: world.0.plus_millis(TOKEN_MILLIS),
        };
        app.store.create_enrolment_token(&scope, new, world.0)?;
        tokens.push(token);
    }
    Ok((Arc::new(app), tokens))
}

/// When each PC is turned on, in seconds: most early, and a few late.
fn herd(args: &Args) -> Vec<f64> {
    let mut chance = Chance(args.seed);
    let part = |chance: &mut Chance| f64::from(u32::try_from(chance.below(1 << 20)).unwrap_or(0)) / f64::from(1 << 20);
    (0..args.devices).map(|_| f64::from(args.seconds) * part(&mut chance) * part(&mut chance)).collect()
}

/// What each PC does in a chapter.
type Step<'a> = dyn Fn(&mut Pc, &mut Way<'_>, usize) -> anyhow::Result<()> + Sync + 'a;

/// Each PC does its step when it is due.
fn chapter(what: &str, (fleet, due, args): (&Fleet, &[f64], &Args), authority: &str, step: &Step<'_>) -> Measured {
    let mut order: Vec<usize> = (0..fleet.len()).collect();
    order.sort_by(|one, other| due[*one].total_cmp(&due[*other]));
    let (next, begun) = (AtomicUsize::new(0), Measured::now());
    let work = || {
        let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build();
        let mut way = Way { agent: config.into(), authority, measured: Measured::default() };
        while let Some(number) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            if due[*number] > 0.0 {
                let moment = begun + Duration::from_secs_f64(due[*number]);
                std::thread::sleep(moment.saturating_duration_since(Measured::now()));
                way.measured.due = Some(moment);
            }
            let mut pc = fleet[*number].lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = step(&mut pc, &mut way, *number) {
                way.measured.errors.push(format!("{error:#}"));
            }
        }
        way.measured
    };
    let mut all = Measured::default();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..args.threads).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            all.add(thread.join().expect("a thread of the fleet does not panic"));
        }
    });
    let seconds = begun.elapsed().as_secs_f64();
    anstream::eprintln!("{what}: {} PCs in {seconds:.1} s, {} errors", fleet.len(), all.errors.len());
    all
}

fn megabytes(bytes: usize) -> f64 {
    f64::from(u32::try_from(bytes / 1_000).unwrap_or(u32::MAX)) / 1_000.0
}

/// The most that this process has had, server and PCs together.
fn memory_megabytes() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let kilobytes = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"))?;
    Some(kilobytes.parse::<f64>().ok()? / 1_000.0)
}
