//! Packaged apps as Windows itself lists them for the person who is signed in (`PackageManager`), where it can be asked: on a live PC, and not under Wine.
//!
//! It knows more than the registry: who signed a package. What the Store signed can be had there again; what Windows signed is a part of it; anything else
//! was brought by somebody from somewhere (a sideloaded package) and is listed for reference, as a desktop program is.

use model::snapshot::{Again, App, AppKind};

use super::registry::is_title;
use super::{FullName, store_ids};

/// What a PC lists of apps beside the person's registry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// The programs that are installed for everybody.
    pub programs: Vec<App>,
    /// The person's packages; `None` where Windows was not asked or did not answer, so that the registry is what counts.
    pub packages: Option<Vec<Packaged>>,
}

/// A main package of the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packaged {
    /// Its full name.
    pub full_name: String,
    /// What people call it, if it could be resolved.
    pub title: Option<String>,
    /// Who signed it.
    pub signed: Signed,
}

/// Who signed a package (`PackageSignatureKind`, Windows documentation).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    /// Windows.
    Windows,
    /// The Store.
    Store,
    /// Somebody else, or nobody.
    Other,
}

/// The apps of the registry, with its packaged ones replaced by those that Windows lists. What is pinned is known from the registry.
pub(super) fn instead(registry: Vec<App>, packages: &[Packaged]) -> Vec<App> {
    let live: Vec<App> = packages.iter().filter_map(|package| app(package, &registry)).collect();
    // Windows always has some of its own: an empty list is no list.
    if live.is_empty() {
        return registry;
    }
    registry.into_iter().filter(|app| app.kind == AppKind::Desktop).chain(live).collect()
}

fn app(package: &Packaged, registry: &[App]) -> Option<App> {
    let full = FullName::parse(&package.full_name).filter(|full| !full.is_resource())?;
    let id = full.family();
    let known = registry.iter().find(|app| app.kind != AppKind::Desktop && app.id.eq_ignore_ascii_case(&id));
    let kind = match package.signed {
        Signed::Windows => AppKind::System,
        _ if full.is_of_windows() => AppKind::System,
        Signed::Store => AppKind::Store,
        Signed::Other => AppKind::Desktop,
    };
    let store_id = store_ids::of(&id).filter(|_| kind != AppKind::Desktop).map(str::to_owned);
    let title = package.title.clone().filter(|title| is_title(title));
    Some(App {
        kind,
        name: title.or_else(|| known?.name.clone()),
        version: Some(full.version.to_owned()),
        publisher: Some(full.publisher.to_owned()),
        again: Again { store_id, pinned: known.is_some_and(|app| app.again.pinned), ..Again::default() },
        id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(kind: AppKind, id: &str, pinned: bool) -> App {
        let again = Again { pinned, ..Again::default() };
        App { kind, id: id.to_owned(), name: Some("Registry".to_owned()), version: None, publisher: None, again }
    }

    fn package(full_name: &str, title: Option<&str>, signed: Signed) -> Packaged {
        Packaged { full_name: full_name.to_owned(), title: title.map(str::to_owned), signed }
    }

    #[test]
    fn what_windows_lists_goes_before_the_registry_and_says_who_signed_it() {
        let registry = vec![
            listed(AppKind::Store, "Microsoft.Todos_8wekyb3d8bbwe", true),
            listed(AppKind::Store, "Contoso.Gone_mcm4njqhnhss8", true),
            listed(AppKind::Desktop, "{A}", false),
        ];
        let packages = [
            package("Microsoft.Todos_2.0.0.0_x64__8wekyb3d8bbwe", Some("Microsoft To Do"), Signed::Store),
            package("Contoso.Own_1.0.0.0_x64__mcm4njqhnhss8", Some("ms-resource:title"), Signed::Other),
            package("Contoso.Part_1.0.0.0_x64__mcm4njqhnhss8", None, Signed::Windows),
            package("Windows.Shell_1.0.0.0_neutral__cw5n1h2txyewy", None, Signed::Other),
            package("Contoso.Own_1.0.0.0_neutral_split.scale-200_mcm4njqhnhss8", None, Signed::Store),
            package("no name of a package", None, Signed::Store),
        ];
        let apps = instead(registry.clone(), &packages);
        let seen: Vec<_> = apps.iter().map(|app| (app.kind, app.id.as_str(), app.name.as_deref())).collect();
        assert_eq!(
            seen,
            [
                (AppKind::Desktop, "{A}", Some("Registry")),
                (AppKind::Store, "Microsoft.Todos_8wekyb3d8bbwe", Some("Microsoft To Do")),
                (AppKind::Desktop, "Contoso.Own_mcm4njqhnhss8", None),
                (AppKind::System, "Contoso.Part_mcm4njqhnhss8", None),
                (AppKind::System, "Windows.Shell_cw5n1h2txyewy", None),
            ]
        );
        assert_eq!((apps[1].again.pinned, apps[1].again.store_id.as_deref()), (true, Some("9NBLGGH5R558")));
        assert_eq!(apps[2].again, Again::default(), "nobody promises that it can be had again");
        assert_eq!(instead(registry.clone(), &[]), registry, "no list is no empty PC");
    }
}
