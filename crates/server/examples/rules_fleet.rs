//! Puts many PCs with facts into a server's database, so that `cargo xtask bench rules` can ask for previews over a fleet. Not part of the product.
//!
//! `rules_fleet DATABASE PCS [people]`: all of them belong to the person of the first PC in it, of whichever organisation that is, and differ in name, model, maker, build and SKU. With `people` each has a person of
//! its own and most have a backup, so that `cargo xtask bench pages` can ask for pages over them.

use rusqlite::{Connection, params};

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(path), Some(pcs)) = (arguments.next(), arguments.next()) else {
        anyhow::bail!("usage: rules_fleet DATABASE PCS");
    };
    let pcs: i64 = pcs.parse()?;
    let people = arguments.next().is_some();
    let mut connection = Connection::open(&path)?;
    connection.busy_timeout(std::time::Duration::from_mins(1))?;
    let (tenant, user): (i64, i64) =
        connection.query_row("SELECT tenant, user_no FROM devices ORDER BY tenant, no LIMIT 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let first: i64 =
        connection
            .query_row("SELECT COALESCE(MAX(no), 0) + 1 FROM devices WHERE tenant = ?1", [tenant], |row| row.get(0))?;
    let at: i64 = connection.query_row("SELECT COALESCE(MAX(created_at), 0) FROM devices", [], |row| row.get(0))?;
    let transaction = connection.transaction()?;
    {
        let mut device = transaction.prepare(
            "INSERT INTO devices (tenant, no, id, user_no, name, token_hash, created_at, seen_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)",
        )?;
        let mut check_in = transaction.prepare(
            "INSERT INTO check_ins (tenant, device_no, at, due_at, facts_mark, facts, policy_mark) VALUES (?1, ?2, ?3, ?3, 'made', ?4, '')",
        )?;
        let mut person = transaction.prepare(
            "INSERT INTO users (tenant, no, id, name, password, created_at) VALUES (?1, ?2, ?3, ?4, '', ?5)",
        )?;
        let mut profile = transaction.prepare(
            "INSERT INTO profiles (tenant, no, id, user_no, device_no, last_seq, latest_seq, latest_id, next_part, next_blob, created_at, latest_at, trouble) \
             VALUES (?1, ?2, ?3, ?4, ?2, 1, 1, ?3, 1, 1, ?5, ?6, ?7)",
        )?;
        for number in 0..pcs {
            let no = first + number;
            let mut id = [0x5A_u8; 16];
            id[..8].copy_from_slice(&no.to_be_bytes());
            let mut hash = [0x5A_u8; 32];
            hash[..8].copy_from_slice(&no.to_be_bytes());
            let (model, maker) = (number * 7919 % 400, number * 104_729 % 12);
            let (build, revision) = ([22_631, 26_100, 26_200][usize::try_from(number % 3)?], number * 31 % 2_000);
            let edition = ["Enterprise", "Professional", "Education"][usize::try_from(number * 17 % 5 % 3)?];
            let facts = format!(
                "{{\"name\":\"PC-{number:07}\",\"build\":{build},\"revision\":{revision},\"edition\":\"{edition}\",\
                 \"architecture\":\"AMD64\",\"maker\":\"Maker {maker}\",\"model\":\"Model {model}\",\"join\":\"entra\",\"agent\":\"0.1.0\"}}"
            );
            let user = if people { no } else { user };
            // Spread over 36 days, so that some are too old; one in fifty would not come back, one in twenty has none.
            let seen = if people { at - number * 7919 % (36 * 86_400_000) } else { at };
            if people {
                person.execute(params![tenant, no, id, format!("person-{number:06}"), at])?;
            }
            device.execute(params![tenant, no, id, user, format!("PC-{number:07}"), hash, seen])?;
            if people && number % 20 != 7 {
                let trouble = (number % 50 == 3).then_some("integrity_failed");
                profile.execute(params![tenant, no, id, user, at, seen, trouble])?;
            }
            // A day apart at most, so that few are looked at again for clocks that differ.
            check_in.execute(params![tenant, no, at - 1_000_000 - number * 60, facts])?;
        }
    }
    transaction.commit()?;
    Ok(())
}
