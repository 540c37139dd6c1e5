//! What both targets do with bytes that open as a hive: read all of it, and check the promises that hold for any bytes.

use std::ops::ControlFlow;

use hive::{Found, Hive, limits};

/// Paths to look up: some exist in the seeds.
const PATHS: [&str; 6] = ["", r"Control Panel\Desktop", r"many\KEY3", r"Привет\Ключ", r"a\b\c\d", "absent"];

/// Walks `file` and looks keys up in it.
pub fn read(file: &[u8]) {
    let Ok(hive) = Hive::open(file) else { return };
    let mut bytes = 0;
    let report = hive.walk(|path, found| {
        match found {
            Found::Key(key) => {
                let _ = (key.class_name().map(|name| name.map(|name| name.to_string())), key.security());
                let _ = (key.last_written().to_unix(), path.keys().count());
            }
            Found::Value(value, data) => {
                bytes += data.len();
                let _ = value.name().to_string();
            }
        }
        ControlFlow::Continue(())
    });
    assert!(bytes <= file.len(), "a walk gives no more bytes than the file has");
    assert!(report.values <= limits::VISITS_MAX && report.keys <= limits::VISITS_MAX + 1);
    assert!(report.damages.kept().len() <= limits::DAMAGES_KEPT_MAX);
    assert!(report.damages.kept().iter().all(|damage| !damage.to_string().is_empty()));
    for path in PATHS {
        if let Ok(Some(key)) = hive.root().open(path) {
            let _ = key.value("WALLPAPER").map(|value| value.map(|value| value.data()));
            for subkey in key.subkeys().flatten().take(8) {
                // What a list gives is found again, unless its hash or hint is wrong.
                let _ = key.subkey(&subkey.name().to_string());
            }
        }
    }
}
