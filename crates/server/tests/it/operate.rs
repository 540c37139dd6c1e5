//! What whoever runs the server sees: metrics, health on the way down, traces, and what the service manager is told. With the program itself, as these are its rims.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use model::api::{LENGTH_HEADER, OFFSET_HEADER};
use model::ids::{BlobId, ReportId};
use model::report::{AppsResult, Outcome, Report, SettingResult};
use model::world::Clock;
use serde_json::Value;
use server::listen::Listening;
use server::metrics::{FAMILIES, Kind};

use crate::support::{Made, Pc, Place, glance, out, said};

/// The program at work, on ports of its own; killed when dropped.
struct Program {
    child: Child,
    server: SocketAddr,
    metrics: SocketAddr,
}

impl Program {
    fn start(place: &Place, change: impl FnOnce(&mut Command) -> &mut Command) -> Self {
        let words = ["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"];
        let mut command = place.command(&words);
        let mut child = change(&mut command).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut address = |before: &str| {
            let line = lines.find(|line| line.starts_with(before)).unwrap_or_else(|| panic!("never said {before}"));
            line.trim_start_matches(before).trim_end_matches("/metrics").parse().unwrap()
        };
        let (metrics, server) = (address("metrics on http://"), address("listening on http://"));
        // Read on, so that it never waits for us.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, server, metrics }
    }

    fn terminate(&self) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Status and body of a plain request.
fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

/// The value of a series.
fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in\n{text}")).parse().unwrap()
}

#[test]
fn load_balancers_see_a_server_leave_before_it_is_gone() {
    let place = Place::new();
    drop(place.serve());
    let folder = tempfile::tempdir().unwrap();
    let manager = UnixDatagram::bind(folder.path().join("notify")).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut program = Program::start(&place, |command| {
        command.env("NOTIFY_SOCKET", folder.path().join("notify")).env("REHOME_DRAIN_DELAY", "2")
    });
    let told = |words: &str| {
        let mut bytes = [0; 256];
        let length = manager.recv(&mut bytes).unwrap();
        assert!(String::from_utf8_lossy(&bytes[..length]).contains(words), "{words}");
    };
    told("READY=1");
    assert_eq!(get(program.server, "/readyz").0, 200);
    program.terminate();
    told("STOPPING=1");
    assert_eq!(get(program.server, "/readyz").0, 503, "it says that it leaves");
    assert_eq!(get(program.metrics, "/readyz").0, 503);
    assert_eq!(get(program.server, "/livez").0, 200);
    assert_eq!(get(program.server, "/api/v1/limits").0, 200, "and answers on");
    assert!(get(program.metrics, "/metrics").1.contains("\nrehome_draining 1\n"));
    assert!(program.child.wait().unwrap().success());
    assert!(TcpStream::connect(program.server).is_err());
}

/// With a database that had gone silent every thread waited for it, the one that says that the server lives too, and Kubernetes killed it.
#[test]
fn the_listener_of_metrics_answers_while_all_threads_for_requests_wait() {
    let place = Place::new();
    let live = place.serve();
    let [requests, metrics] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let address = metrics.local_addr().unwrap();
    let listening = Listening { metrics: Some(metrics), ..Listening::plain(requests) };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let served =
        runtime.spawn(server::listen::serve(std::sync::Arc::clone(&live.app), listening, std::future::pending()));
    assert_eq!(get(address, "/livez").0, 200);
    let (waits, waiting) = std::sync::mpsc::channel();
    let (goes_on, silent) = std::sync::mpsc::channel::<()>();
    runtime.spawn(async move {
        waits.send(()).unwrap();
        // As a question to a database that does not answer: no thread is given back.
        let _ = silent.recv();
    });
    waiting.recv().unwrap();
    assert_eq!(get(address, "/livez").0, 200);
    assert_eq!(get(address, "/readyz").0, 200, "the database is asked by a thread of its own");
    drop(goes_on);
    served.abort();
}

#[test]
fn metrics_tell_what_was_done_and_nothing_of_whom() {
    let place = Place::new();
    {
        let live = place.serve();
        let (pc, other) = (live.enroll("ada", "PC of Ada"), live.enroll("bob", "PC of Bob"));
        for (pc, seq) in [(&pc, 1), (&other, 1)] {
            assert_eq!(live.backup(pc, &Made::new(pc, seq, &[(1, 100)], &[]).whole()).status, 201);
        }
        assert_eq!(live.backup(&pc, &Made::new(&pc, 1, &[(1, 100)], &[]).whole()).status, 200);
        assert_eq!(live.backup(&pc, b"no envelope").status, 400);
        let report = Report {
            report: ReportId([7; 16]),
            made_at: place.clock.now(),
            profile: pc.enrolled.profile,
            snapshot: model::ids::SnapshotId([1; 32]),
            agent: "1".to_owned(),
            settings: vec![SettingResult {
                id: model::catalog::SETTINGS[0].id.to_owned(),
                outcome: Outcome::Restored,
                reason: None,
            }],
            apps: vec![AppsResult { outcome: Outcome::Restored, reason: None, count: 3 }],
        };
        let path = format!("/api/v1/reports/{}", report.report);
        let body = serde_json::to_vec(&report).unwrap();
        assert_eq!(live.ask("PUT", &path, &pc, &[("content-type", "application/json")], &body).status, 201);
        assert_eq!(live.ask("PUT", &path, &pc, &[("content-type", "application/json")], &body).status, 200);
        live.app.housekeep().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let served = runtime.spawn(server::metrics::serve(std::sync::Arc::clone(&live.app), listener));
        let (status, text) = get(address, "/metrics");
        served.abort();
        assert_eq!(status, 200);
        for (series, wanted) in [
            ("rehome_backups_total{result=\"stored\"}", 2.0),
            ("rehome_backups_total{result=\"unchanged\"}", 1.0),
            ("rehome_backups_total{result=\"refused\"}", 1.0),
            ("rehome_backup_duration_seconds_count", 2.0),
            ("rehome_restores_total{stage=\"report\",result=\"good\"}", 1.0),
            ("rehome_restore_items_total{group=\"apps\",outcome=\"restored\"}", 3.0),
            ("rehome_devices{state=\"active\"}", 2.0),
            ("rehome_last_backup_age_seconds_count", 2.0),
            ("rehome_job_duration_seconds_count{job=\"retention\"}", 1.0),
            ("rehome_store_failed", 0.0),
            ("rehome_blob_store_up", 1.0),
            ("rehome_server_backup_last_success_timestamp_seconds", 0.0),
        ] {
            assert!((value(&text, series) - wanted).abs() < f64::EPSILON, "{series} is not {wanted}\n{text}");
        }
        // Two of ada, bob, and eve of the other organisation have a backup.
        assert!((value(&text, "rehome_users_restorable_ratio") - 2.0 / 3.0).abs() < 0.01, "{text}");
        assert!(value(&text, "rehome_blob_store_bytes{kind=\"part\"}") > 0.0);
        assert!(value(&text, "rehome_backup_uploaded_bytes_total") > 200.0);
        let reserve = [("rehome_store_reserve_bytes", 16_777_216.0), ("rehome_store_reserve_in_use", 0.0)];
        for (series, wanted) in reserve {
            if live.app.store.is_shared() {
                assert!(!text.contains(series), "the database's disk is not ours\n{text}");
            } else {
                assert!((value(&text, series) - wanted).abs() < f64::EPSILON, "{series} is not {wanted}\n{text}");
            }
        }
        check_form(&text);
        for secret in
            ["ada", "Ada", "default", "other", &pc.enrolled.device.to_string(), &pc.enrolled.profile.to_string()]
        {
            assert!(!text.contains(&format!("\"{secret}")), "{secret}\n{text}");
        }
    }
}

/// Each series belongs to a family that is told of before it, with exactly its labels, and each family that is told is one of the list.
fn check_form(text: &str) {
    let mut told = BTreeSet::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            assert!(told.insert(rest.split(' ').next().unwrap()), "{line}");
            continue;
        }
        if line.starts_with('#') {
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let of_family = |family: &&server::metrics::Family| match family.kind {
            Kind::Histogram => {
                name.strip_prefix(family.name).is_some_and(|rest| ["_bucket", "_sum", "_count"].contains(&rest))
            }
            _ => name == family.name,
        };
        let family = FAMILIES.iter().find(of_family).unwrap_or_else(|| panic!("{name} is of no family"));
        assert!(told.contains(family.name), "{line}");
        let pairs = labels.trim_end_matches('}').split("\",").filter_map(|pair| pair.split_once('='));
        let names: Vec<&str> = pairs.map(|(name, _)| name).filter(|name| *name != "le").collect();
        assert_eq!(names, family.labels, "{line}");
    }
}

#[test]
fn a_configuration_is_validated_without_a_start() {
    let place = Place::new();
    let good = place.run(&["config", "validate"]);
    assert_eq!((good.status.code(), place.data().exists()), (Some(0), false), "{}", said(&good));
    let missing = place.path().join("missing");
    let bad = place.run(&[
        "config",
        "validate",
        "--tls-cert",
        missing.to_str().unwrap(),
        "--tls-key",
        missing.to_str().unwrap(),
        "--passwords-refused",
        missing.to_str().unwrap(),
        "--metrics-listen",
        "127.0.0.1:8640",
    ]);
    assert_eq!(bad.status.code(), Some(2));
    let findings = out(&bad);
    for name in ["tls_cert", "passwords_refused", "metrics_listen"] {
        assert!(findings.lines().any(|line| line.starts_with(name)), "{name}: {findings}");
    }
    assert!(said(&bad).starts_with("error[config_invalid]: 3 things"), "{}", said(&bad));
}

/// A collector that takes one request and gives its body.
fn collect(listener: &TcpListener) -> Value {
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).unwrap();
    assert_eq!(first, "POST /otlp/v1/traces HTTP/1.1\r\n");
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        match line.trim().to_ascii_lowercase().split_once(": ") {
            Some(("content-length", value)) => length = value.parse().unwrap(),
            Some(("content-type", value)) => assert_eq!(value, "application/json"),
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}").unwrap();
    serde_json::from_slice(&body).unwrap()
}

#[test]
fn each_request_is_a_span_of_the_trace_that_it_names() {
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut place = Place::new();
    place.otlp = Some(format!("http://{}/otlp", collector.local_addr().unwrap()));
    let live = place.serve();
    let pc = live.enroll("ada", "PC of Ada");
    let trace = ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    let path = format!("/api/v1/profiles/{}/snapshots", pc.enrolled.profile);
    assert_eq!(live.ask("GET", &path, &pc, &[trace, ("x-request-id", "r-1")], b"").status, 200);
    let unsampled = ("traceparent", "00-0af7651916cd43dd8448eb211c80319d-b7ad6b7169203331-00");
    assert_eq!(live.ask("GET", &path, &pc, &[unsampled], b"").status, 200);
    assert_eq!(live.get("/api/v1/nowhere", &pc).status, 404);
    assert_eq!(live.get("/readyz", &pc).status, 200);
    let body = collect(&collector);
    let resource = &body["resourceSpans"][0];
    assert_eq!(resource["resource"]["attributes"][0]["value"]["stringValue"], "rehome-server");
    let spans = resource["scopeSpans"][0]["spans"].as_array().unwrap();
    let names: Vec<&str> = spans.iter().map(|span| span["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["POST /api/v1/enroll", "GET /api/v1/profiles/{profile}/snapshots", "GET"]);
    let span = &spans[1];
    assert_eq!(span["traceId"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(span["parentSpanId"], "b7ad6b7169203331");
    assert_eq!(span["spanId"].as_str().unwrap().len(), 16);
    let attribute = |key: &str| {
        let all = span["attributes"].as_array().unwrap();
        all.iter().find(|attribute| attribute["key"] == key).map(|found| found["value"].clone())
    };
    assert_eq!(attribute("http.response.status_code").unwrap()["intValue"], "200");
    assert_eq!(attribute("rehome.request_id").unwrap()["stringValue"], "r-1");
    let whole = body.to_string();
    assert!(!whole.contains(&pc.enrolled.profile.to_string()) && !whole.contains("Ada"), "{whole}");
}

/// All words of a text that can be metrics of ours.
fn metrics_in(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let ours = ["rehome_", "http_server_", "process_"];
    words.filter(|word| ours.iter().any(|prefix| word.starts_with(prefix)) && *word != "rehome_server").collect()
}

fn checkout(path: &str) -> String {
    std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)).unwrap()
}

/// Whether a name is one of a family, or of what a histogram is told as.
fn is_told(name: &str) -> bool {
    FAMILIES.iter().any(|family| {
        name == family.name && family.kind != Kind::Histogram
            || family.kind == Kind::Histogram
                && name.strip_prefix(family.name).is_some_and(|rest| ["_bucket", "_sum", "_count"].contains(&rest))
    })
}

#[test]
fn dashboard_and_alerts_ask_for_what_is_told() {
    let alerts: Value = serde_saphyr::from_str(&checkout("packaging/helm/rehome/files/alerts.yaml")).unwrap();
    let rules = alerts["groups"][0]["rules"].as_array().unwrap();
    let mut asked = 0;
    for rule in rules {
        assert!(rule["annotations"]["summary"].is_string() && rule["labels"]["severity"].is_string(), "{rule}");
        let names = metrics_in(rule["expr"].as_str().unwrap());
        asked += names.len();
        assert!(!names.is_empty() || rule["alert"] == "RehomeDown", "{rule}");
        assert!(names.iter().all(|name| is_told(name)), "{names:?}");
    }
    assert!(rules.len() > 10 && asked > 10);
    let dashboard: Value = serde_json::from_str(&checkout("packaging/helm/rehome/files/dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    assert!(panels.len() > 10);
    for target in panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap()) {
        let names = metrics_in(target["expr"].as_str().unwrap());
        assert!(!names.is_empty() && names.iter().all(|name| is_told(name)), "{target}");
    }
    // The guide's table says each of them.
    let guide = checkout("docs/guides/operate.md");
    for family in FAMILIES {
        assert!(guide.contains(&format!("| `{}` |", family.name)), "docs/guides/operate.md lacks {}", family.name);
    }
}

/// The drill of the guide: a server is backed up while it serves, lost, and made again from the folder.
#[test]
fn a_lost_server_comes_back_from_its_own_backup() {
    const ROWS: u8 = 130;
    let place = Place::new();
    let folder = place.path().join("kept");
    let words = ["backup-server", "--to", folder.to_str().unwrap()];
    let restore =
        |more: &[&str], to: &Place| to.run(&[&["restore-server", "--from", folder.to_str().unwrap()], more].concat());
    let picture = vec![7; 300_000];
    let path = |pc: &Pc| format!("/api/v1/profiles/{}/blobs/{}", pc.profile, BlobId([9; 32]));
    let pc = {
        let live = place.serve();
        let pc = live.enroll("ada", "PC of Ada");
        let made = Made::new(&pc, 1, &[(1, 100)], &[(9, 300_000)]);
        let headers = [(OFFSET_HEADER, "0"), (LENGTH_HEADER, "300000")];
        assert_eq!(live.ask("PUT", &path(&pc), &pc, &headers, &picture).status, 201);
        assert_eq!(live.backup(&pc, &made.whole()).status, 201);
        // More rows than are read from a database elsewhere at once.
        for seq in 2..=ROWS {
            assert_eq!(live.backup(&pc, &Made::new(&pc, seq.into(), &[(seq, 100)], &[]).whole()).status, 201);
        }
        let backed_up = place.run(&words);
        assert_eq!(backed_up.status.code(), Some(0), "{}", said(&backed_up));
        assert!(out(&backed_up).contains("files\t1\t"), "{}", out(&backed_up));
        assert!(!said(&backed_up).contains("warning"), "{}", said(&backed_up));
        assert!(live.app.store.own_backup_at().unwrap().is_some(), "who watches the server sees that one was made");
        // It is confirmed after the backup, and so not in it.
        assert_eq!(live.backup(&pc, &Made::new(&pc, u64::from(ROWS) + 1, &[(3, 100)], &[]).whole()).status, 201);
        pc
    };
    assert_eq!(place.run(&words).status.code(), Some(2), "a folder that is not empty");
    assert_eq!(restore(&["--check"], &place).status.code(), Some(0));
    let refused = restore(&[], &place);
    assert!(said(&refused).contains("nothing was touched"), "{}", said(&refused));

    // Lost: another machine, with the root key that was kept elsewhere.
    let other = Place::new();
    std::fs::write(other.root_key(), "11".repeat(32)).unwrap();
    let wrong = restore(&["--check"], &other);
    assert_eq!(wrong.status.code(), Some(9), "without the root key: {}", said(&wrong));
    std::fs::copy(place.root_key(), other.root_key()).unwrap();
    let restored = restore(&[], &other);
    assert_eq!(restored.status.code(), Some(0), "{}", said(&restored));
    assert!(said(&restored).contains("everything is there"), "{}", said(&restored));
    let live = other.serve();
    assert_eq!(live.get(&format!("/api/v1/profiles/{}/snapshots", pc.profile), &pc).status, 200);
    assert_eq!(live.get(&path(&pc), &pc).body, picture);
    // The PC goes on: what came after the backup it sends again.
    assert_eq!(live.backup(&pc, &Made::new(&pc, u64::from(ROWS) + 1, &[(3, 100)], &[]).whole()).status, 201);
    drop(live);

    // Rot anywhere in the folder is found before anything is made.
    let rotten = Place::new();
    std::fs::copy(place.root_key(), rotten.root_key()).unwrap();
    let file = files_below(&folder.join("blobs")).pop().unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[1_000] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let found = restore(&[], &rotten);
    assert_eq!((found.status.code(), rotten.data().exists()), (Some(8), false), "{}", said(&found));
    std::fs::remove_file(folder.join("manifest.json")).unwrap();
    assert!(said(&restore(&[], &rotten)).contains("there is no manifest"));
}

#[test]
fn a_destroyed_database_comes_back_from_files_and_root_key() {
    let mut place = Place::new();
    place.journal = true;
    let picture = vec![7; 300_000];
    let path = |pc: &Pc| format!("/api/v1/profiles/{}/blobs/{}", pc.profile, BlobId([9; 32]));
    let pc = {
        let live = place.serve();
        // All of it after the base, which the server makes by itself after its start. Not by housekeeping of the test's own: that leaves a job alone which
        // the server's is at, and goes on before there is a base.
        glance("there is a base", || live.app.store.journal().0.behind_since.is_none());
        let pc = live.enroll("ada", "PC of Ada");
        let made = Made::new(&pc, 1, &[(1, 100)], &[(9, 300_000)]);
        let headers = [(OFFSET_HEADER, "0"), (LENGTH_HEADER, "300000")];
        assert_eq!(live.ask("PUT", &path(&pc), &pc, &headers, &picture).status, 201);
        assert_eq!(live.backup(&pc, &made.whole()).status, 201);
        let (state, why) = live.app.store.journal();
        assert_eq!((state.behind_since, why), (None, None));
        pc
    };
    let refused = place.run(&["rebuild"]);
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    assert!(said(&refused).contains("nothing was touched"), "{}", said(&refused));

    // Another machine, to which nothing came but the files; the database is gone.
    let other = Place::new();
    let nothing = other.run(&["rebuild"]);
    assert_eq!(nothing.status.code(), Some(2), "{}", said(&nothing));
    assert!(said(&nothing).contains("there is no journal"), "{}", said(&nothing));
    std::fs::create_dir(other.data()).unwrap();
    let copied = Command::new("cp").arg("-r").arg(place.data().join("blobs")).arg(other.data()).status().unwrap();
    assert!(copied.success());
    std::fs::write(other.root_key(), "11".repeat(32)).unwrap();
    let wrong = other.run(&["rebuild"]);
    assert_eq!(wrong.status.code(), Some(9), "{}", said(&wrong));
    assert!(said(&wrong).contains("does not hold a root key of the journal"), "{}", said(&wrong));
    std::fs::copy(place.root_key(), other.root_key()).unwrap();
    let rebuilt = other.run(&["rebuild", "--json"]);
    assert_eq!(rebuilt.status.code(), Some(0), "{}", said(&rebuilt));
    assert!(said(&rebuilt).contains("everything is there"), "{}", said(&rebuilt));
    let told: Value = serde_json::from_str(&out(&rebuilt)).unwrap();
    assert!(told["transactions"].as_u64().unwrap() >= 3 && told["missing"].is_null(), "{told}");
    let live = other.serve();
    assert_eq!(live.get(&path(&pc), &pc).body, picture);
    assert_eq!(live.backup(&pc, &Made::new(&pc, 1, &[(1, 100)], &[(9, 300_000)]).whole()).status, 200, "known");
    assert_eq!(live.backup(&pc, &Made::new(&pc, 2, &[(3, 100)], &[]).whole()).status, 201);
}

fn files_below(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}
