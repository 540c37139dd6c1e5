//! The nouns everybody shares: ids, catalog, formats, plan, reason codes, API types.
