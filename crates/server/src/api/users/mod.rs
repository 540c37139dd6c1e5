//! People, for administrators.

pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod patch;

use model::admin::User;
use store::ListedPerson;

fn shape(person: ListedPerson) -> User {
    User {
        id: person.id,
        name: person.name,
        active: person.disabled_at.is_none(),
        disabled_at: person.disabled_at,
        devices: person.devices,
        profiles: person.profiles,
        scope_tags: person.tags,
        created_at: person.created_at,
    }
}
