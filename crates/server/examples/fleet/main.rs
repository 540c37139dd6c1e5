//! A fleet of PCs against a server: `cargo xtask fleet`. Not part of the product.
//!
//! Each PC has a key of its own, settings drawn from the real catalog, and seals, signs and opens as the agent does. All enrol and back up once; then comes Monday morning:
//! everybody turns their PC on within the given time, most of them early in it, checks in and backs up, which for nine in ten means to find that nothing has changed. Then the
//! server is away for a night, and comes back: each PC looks once an hour, at a minute of its own, so they come within an hour; and once more all at the same moment, as after a
//! power cut. At the end every snapshot that the server has ever confirmed is fetched and opened, and must be the one that was sent.
//!
//! The server is a process of its own, the PCs share this one and the machine with it; an hour of theirs lasts as long as `--seconds` says. Times count from when a request was
//! due. Chance is the same again from its seed, but for keys and the order of threads.

mod measure;
mod pc;
mod person;
mod serving;

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use measure::Measured;
use pc::{Pc, Way};
use person::Chance;
use serving::Serving;

/// Requests on the way when all come at the same moment: more than the server takes at once (`server::gates::REQUESTS_AT_ONCE`).
const CROWD: usize = 384;

/// Slices of a chapter, for its peak: five minutes of an hour.
const SLICES: usize = 12;

/// The largest peak after the server was away, against the mean.
const PEAK_MAX: f64 = 3.0;

/// PCs in a slice below which a peak is chance and not a herd.
const PEAK_COUNTS_FROM: usize = 10;

/// A fleet of PCs against a server
#[derive(Parser)]
struct Args {
    /// How many PCs
    #[arg(long, default_value_t = 300)]
    devices: usize,
    /// Seconds that an hour lasts: Monday morning, and the hour after the server was away
    #[arg(long, default_value_t = 20)]
    seconds: u32,
    /// Requests on the way at once, at most
    #[arg(long, default_value_t = 32)]
    threads: usize,
    /// Where chance begins
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Program of the server
    #[arg(long)]
    server: std::path::PathBuf,
    /// Folder for the server's data
    #[arg(long)]
    folder: std::path::PathBuf,
    /// The server's database, if not a file in the folder
    #[arg(long)]
    database: Option<String>,
    /// Have the server lose a confirmed snapshot before the last chapter, which has to find that
    #[arg(long)]
    lose_one: bool,
}

/// All PCs, each with one thread at a time.
type Fleet = [Mutex<Pc>];

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let tokens = serving::prepare(&args.folder, args.database.as_deref(), args.devices)?;
    let mut server = Serving::start(&args.server, &args.folder, args.database.as_deref())?;
    let authority = server.authority().to_owned();
    let fleet: Vec<Mutex<Pc>> = (0..args.devices).map(|number| Mutex::new(Pc::new(number, args.seed))).collect();
    let at_once = vec![0.0; args.devices];
    let chapter = |what: &str, due: &[f64], threads: usize, step: &Step<'_>| {
        chapter(what, (&fleet, due, threads), &authority, step)
    };
    let mut all = Measured::default();
    all.add(chapter("enrolment", &at_once, args.threads, &|pc, way, number| {
        pc.enroll(way, serving::token_of(&tokens, number))
    }));
    all.add(chapter("first backups", &at_once, args.threads, &|pc, way, _| pc.back_up(way)));
    let early = moments(&args, |chance| chance.part() * chance.part());
    all.add(chapter("Monday morning", &early, args.threads, &|pc, way, _| pc.visit(way)));

    server.stop()?;
    let away = chapter("while the server is away", &at_once, args.threads, &|pc, way, _| pc.is_turned_away(way));
    server.again()?;
    let spread = moments(&args, Chance::part);
    let back = chapter("the hour after it came back", &spread, args.threads, &|pc, way, _| pc.visit(way));
    let peak = back.peak(SLICES);
    all.errors.extend(away.errors);
    all.add(back);
    server.stop()?;
    server.again()?;
    let crowd = args.devices.min(CROWD);
    all.add(chapter("all at the same moment", &at_once, crowd, &|pc, way, _| pc.visit(way)));

    if args.lose_one {
        let mut way = Way::new(&authority);
        lock(fleet.first().context("there is no PC")?).lose_one(&mut way)?;
    }
    let sent: usize = fleet.iter().map(|pc| lock(pc).confirmed.len()).sum();
    let opened = AtomicUsize::new(0);
    all.add(chapter("opening everything", &at_once, args.threads, &|pc, way, _| {
        for (_, snapshot) in pc.confirmed.clone() {
            match pc.opens(way, snapshot, "open") {
                Ok(()) => drop(opened.fetch_add(1, Ordering::Relaxed)),
                Err(error) => way.measured.errors.push(format!("{error:#}")),
            }
        }
        Ok(())
    }));
    let lost = sent - opened.load(Ordering::Relaxed);
    let memory = server.memory_megabytes().unwrap_or(f64::NAN);
    server.stop()?;
    let is_checked = server.check()?;

    let herd = peak.filter(|_| args.devices / SLICES >= PEAK_COUNTS_FROM);
    let is_herd = herd.is_some_and(|peak| peak > PEAK_MAX);
    anstream::println!("{}", all.table());
    anstream::println!(
        "{} PCs; {sent} snapshots confirmed, {lost} lost; {} errors; told to come later: {}; {:.1} MB sent, {:.1} MB received; most memory of the server: {memory:.0} MB",
        args.devices,
        all.errors.len(),
        all.later,
        megabytes(all.sent),
        megabytes(all.received),
    );
    if let Some(peak) = herd {
        let verdict = if is_herd { "A HERD" } else { "no herd" };
        anstream::println!("after it came back: most PCs in five minutes {peak:.1} times the mean, {verdict}");
    }
    for error in all.errors.iter().take(10) {
        anstream::eprintln!("{error}");
    }
    let is_well = lost == 0 && all.errors.is_empty() && is_checked && !is_herd;
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn lock(pc: &Mutex<Pc>) -> std::sync::MutexGuard<'_, Pc> {
    pc.lock().unwrap_or_else(PoisonError::into_inner)
}

/// When each PC comes, in seconds: a part of the hour that `part` draws.
fn moments(args: &Args, part: impl Fn(&mut Chance) -> f64) -> Vec<f64> {
    let mut chance = Chance(args.seed);
    (0..args.devices).map(|_| f64::from(args.seconds) * part(&mut chance)).collect()
}

/// What each PC does in a chapter.
type Step<'a> = dyn Fn(&mut Pc, &mut Way<'_>, usize) -> anyhow::Result<()> + Sync + 'a;

/// Each PC does its step when it is due.
fn chapter(what: &str, (fleet, due, threads): (&Fleet, &[f64], usize), authority: &str, step: &Step<'_>) -> Measured {
    let mut order: Vec<usize> = (0..fleet.len()).collect();
    order.sort_by(|one, other| due[*one].total_cmp(&due[*other]));
    let (next, begun) = (AtomicUsize::new(0), Measured::now());
    let work = || {
        let mut way = Way::new(authority);
        while let Some(number) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            if due[*number] > 0.0 {
                let moment = begun + Duration::from_secs_f64(due[*number]);
                Measured::wait_until(moment);
                way.measured.due = Some(moment);
            }
            if let Err(error) = step(&mut lock(&fleet[*number]), &mut way, *number) {
                way.measured.errors.push(format!("{error:#}"));
            }
            way.measured.finished.push(begun.elapsed());
        }
        way.measured
    };
    let mut all = Measured::default();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            all.add(thread.join().expect("a thread of the fleet does not panic"));
        }
    });
    let seconds = begun.elapsed().as_secs_f64();
    anstream::eprintln!(
        "{what}: {} PCs in {seconds:.1} s, {} errors, told to come later: {}",
        fleet.len(),
        all.errors.len(),
        all.later
    );
    all
}

fn megabytes(bytes: usize) -> f64 {
    f64::from(u32::try_from(bytes / 1_000).unwrap_or(u32::MAX)) / 1_000.0
}
