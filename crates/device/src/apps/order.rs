//! What may be asked of whoever installs apps.
//!
//! An [`Order`] holds ids of published shapes and nothing else, and only [`Order::of`] makes one; so no other word of a snapshot, of a queue on the disk or
//! of a server ever reaches a command line or an address (rule R7 of the threat model).

use model::reason::Reason;
use model::snapshot::app_id::{is_family_name, is_store_id, is_winget_id};
use model::snapshot::{Again, AppKind, AppScope};

use super::store_ids;

/// One app, as it is ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order(Way);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Way {
    /// By its product id in the Store.
    Store(String),
    /// Only its package family is known: the Store opens its page by that, and nothing installs by it.
    Family(String),
    /// By its package identifier in winget's own source.
    Program { id: String, for_user: bool },
}

/// What came of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// It is installed now.
    Installed,
    /// It was here already.
    Present,
    /// It cannot be had, and another try would say the same.
    Never(Reason),
    /// Not this time.
    Later(Reason),
}

/// Installs apps.
pub trait Installer {
    /// Carries out an order, or says why not. Takes minutes, and never longer than its limit.
    fn install(&self, order: &Order) -> Attempt;

    /// Shows the Store's page of an app to the person, at an address of [`Order::page`].
    fn open(&self, page: &str) -> Result<(), String>;
}

/// Where nothing can be installed: a file, or another system than Windows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unavailable;

impl Installer for Unavailable {
    fn install(&self, _: &Order) -> Attempt {
        Attempt::Later(Reason::NoInstaller)
    }

    fn open(&self, _: &str) -> Result<(), String> {
        Err("there is no Store here".to_owned())
    }
}

impl Order {
    /// The best order for an app; `None` if nothing of what is known of it has a shape that may be handed on.
    pub fn of(kind: AppKind, id: &str, again: &Again) -> Option<Self> {
        let way = match kind {
            AppKind::Store => {
                let known = again.store_id.as_deref().filter(|id| is_store_id(id));
                // The table goes first: it was looked at by people, the other came along with a snapshot.
                match store_ids::of(id).or(known) {
                    Some(product) => Way::Store(product.to_owned()),
                    None => Way::Family(Some(id).filter(|id| is_family_name(id))?.to_owned()),
                }
            }
            AppKind::Desktop => {
                let id = again.winget_id.as_ref().filter(|id| is_winget_id(id))?.clone();
                Way::Program { id, for_user: again.scope == Some(AppScope::User) }
            }
            AppKind::System => return None,
        };
        Some(Self(way))
    }

    /// The words for `winget`; `None` if it cannot install by what is known.
    ///
    /// `--exact` and `--source` keep an id from meaning anything else (Microsoft Learn, "install command").
    pub fn winget_words(&self) -> Option<Vec<&str>> {
        let (id, source, scope) = match &self.0 {
            Way::Store(id) => (id, "msstore", None),
            Way::Program { id, for_user } => (id, "winget", for_user.then_some("user")),
            Way::Family(_) => return None,
        };
        let mut words = vec!["install", "--id", id, "--exact", "--source", source];
        words.extend(scope.into_iter().flat_map(|scope| ["--scope", scope]));
        words.extend([
            "--silent",
            "--accept-package-agreements",
            "--accept-source-agreements",
            "--disable-interactivity",
        ]);
        Some(words)
    }

    /// The address of its page in the Store (Microsoft Learn, "Launch the Microsoft Store app"); `None` for what the Store does not have.
    pub fn page(&self) -> Option<String> {
        match &self.0 {
            Way::Store(id) => Some(format!("ms-windows-store://pdp/?ProductId={id}")),
            Way::Family(family) => Some(format!("ms-windows-store://pdp/?PFN={family}")),
            Way::Program { .. } => None,
        }
    }

    /// Whether it comes from the Store.
    pub fn is_of_store(&self) -> bool {
        !matches!(self.0, Way::Program { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(id: &str, store_id: Option<&str>) -> Option<Order> {
        Order::of(AppKind::Store, id, &Again { store_id: store_id.map(str::to_owned), ..Again::default() })
    }

    fn program(winget_id: &str, scope: Option<AppScope>) -> Option<Order> {
        Order::of(AppKind::Desktop, "x", &Again { winget_id: Some(winget_id.to_owned()), scope, ..Again::default() })
    }

    #[test]
    fn an_app_is_ordered_by_the_best_id_there_is() {
        let words = store("A.Notes_mcm4njqhnhss8", Some("9NBLGGH5R558")).unwrap();
        assert_eq!(
            words.winget_words().unwrap().join(" "),
            "install --id 9NBLGGH5R558 --exact --source msstore --silent --accept-package-agreements \
             --accept-source-agreements --disable-interactivity"
        );
        assert_eq!(words.page().unwrap(), "ms-windows-store://pdp/?ProductId=9NBLGGH5R558");
        let known = store("Microsoft.Todos_8wekyb3d8bbwe", Some("9ZZZZZZZZZZZ")).unwrap();
        assert!(known.page().unwrap().ends_with("9NBLGGH5R558"), "what came along does not go before what we know");
        let family = store("A.Notes_mcm4njqhnhss8", None).unwrap();
        assert_eq!((family.winget_words(), family.is_of_store()), (None, true));
        assert_eq!(family.page().unwrap(), "ms-windows-store://pdp/?PFN=A.Notes_mcm4njqhnhss8");
        let program = program("Mozilla.Firefox", Some(AppScope::User)).unwrap();
        assert!(
            program
                .winget_words()
                .unwrap()
                .join(" ")
                .starts_with("install --id Mozilla.Firefox --exact --source winget --scope user ")
        );
        assert_eq!(program.page(), None);
    }

    #[test]
    fn what_is_no_id_never_becomes_a_word_or_an_address() {
        for id in ["--custom", "9NBLGGH5R558 --override x", r"\\host\share", "http://a.b", "a.b\" --location \"c"] {
            assert_eq!(program(id, None), None, "{id}");
            assert_eq!(store(id, Some(id)), None, "{id}");
        }
        assert_eq!(store("Microsoft.Todos_8wekyb3d8bbwe!App", None), None);
        assert_eq!(Order::of(AppKind::System, "Microsoft.Todos_8wekyb3d8bbwe", &Again::default()), None);
    }
}
