//! Libraries of Windows that most runs of the program do not need are loaded at their first call, not with the program (Microsoft, "Linker support for
//! delay-loaded DLLs"; mingw has the same as `dlltool --output-delaylib` and `libdelayimp`). `user32.dll` alone costs a start more than everything that a
//! backup reads: it enters the session's desktop and looks through the fonts.
//!
//! What is listed here is looked up before the libraries that the bindings bring. What is not listed would load its library at the start again: `cargo xtask
//! windows` looks for that. From where they are loaded is decided in `src/libraries.rs`.

use std::path::Path;
use std::process::Command;

/// The libraries, with the functions that the program calls.
const LATER: &[(&str, &[&str])] = &[
    ("api-ms-win-core-winrt-l1-1-0", &["RoGetActivationFactory"]),
    ("combase", &["CoCreateFreeThreadedMarshaler", "CoIncrementMTAUsage", "CoTaskMemFree"]),
    (
        "crypt32",
        &[
            "CertAddEncodedCertificateToStore",
            "CertCloseStore",
            "CertFreeCertificateChain",
            "CertFreeCertificateChainEngine",
            "CertFreeCertificateContext",
            "CertGetCertificateChain",
            "CertOpenStore",
            "CertSetCertificateContextProperty",
            "CertVerifyCertificateChainPolicy",
            "CryptProtectData",
            "CryptUnprotectData",
        ],
    ),
    (
        "ncrypt",
        &[
            "NCryptCreatePersistedKey",
            "NCryptDeleteKey",
            "NCryptExportKey",
            "NCryptFinalizeKey",
            "NCryptFreeObject",
            "NCryptOpenKey",
            "NCryptOpenStorageProvider",
            "NCryptSignHash",
        ],
    ),
    ("netapi32", &["NetApiBufferFree", "NetGetJoinInformation"]),
    ("oleaut32", &["GetErrorInfo", "SysFreeString", "SysStringLen"]),
    ("shell32", &["SHAppBarMessage", "SHChangeNotify", "SHGetKnownFolderPath", "ShellExecuteW"]),
    (
        "user32",
        &["FindWindowW", "GetShellWindow", "GetWindowThreadProcessId", "SendMessageTimeoutW", "SystemParametersInfoW"],
    ),
    ("userenv", &["GetUserProfileDirectoryW"]),
];

/// What the tool is called: on Debian, and beside a mingw of Windows' own.
const TOOLS: [&str; 2] = ["x86_64-w64-mingw32-dlltool", "dlltool"];

#[expect(clippy::disallowed_methods, reason = "a build script's own folder: what a crash leaves there is made anew")]
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
    let is_agents = std::env::var_os("CARGO_FEATURE_ROAD").is_some(); // the window needs most of them for its first picture
    if !(is_agents && is("CARGO_CFG_TARGET_OS", "windows") && is("CARGO_CFG_TARGET_ENV", "gnu")) {
        return;
    }
    let folder = std::env::var_os("OUT_DIR").expect("cargo names a folder");
    let folder = Path::new(&folder);
    let Some(tool) = TOOLS.into_iter().find(|tool| Command::new(tool).arg("--version").output().is_ok()) else {
        // Nothing is missing then but time at each start.
        println!("cargo::warning=no `{}`: every library is loaded with the program", TOOLS[0]);
        return;
    };
    for (library, functions) in LATER {
        let definition = folder.join(format!("{library}.def"));
        std::fs::write(&definition, format!("LIBRARY {library}.dll\nEXPORTS\n{}\n", functions.join("\n")))
            .expect("the folder can be written to");
        let archive = folder.join(format!("liblater-{library}.a"));
        let made = Command::new(tool).arg("-d").arg(&definition).arg("-y").arg(&archive).status();
        assert!(made.is_ok_and(|status| status.success()), "`{tool}` makes {}", archive.display());
        println!("cargo::rustc-link-lib=static:-bundle=later-{library}");
    }
    println!("cargo::rustc-link-search=native={}", folder.display());
    println!("cargo::rustc-link-lib=delayimp");
}
