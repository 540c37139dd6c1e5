//! Where the demo plays, and the two PCs in it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::repo::{self, Binaries};
use crate::serving::{Invitation, Server};
use crate::{process, say};

/// A private scratch folder and the programs; the folder is removed with it.
pub struct Stage {
    folder: tempfile::TempDir,
    /// The programs.
    pub binaries: Binaries,
}

impl Stage {
    /// A new stage beside the build, readable by nobody else.
    pub fn new(binaries: Binaries) -> anyhow::Result<Self> {
        Ok(Self { folder: repo::scratch("demo-")?, binaries })
    }

    /// A path on the stage.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The new PC's registry: a fresh copy of the person who has just signed in for the first time.
    pub fn new_pc(&self) -> anyhow::Result<String> {
        let file = self.path("new-pc.reg");
        std::fs::copy(repo::root().join("xtask/demo/new-pc.reg"), &file)
            .context("could not copy xtask/demo/new-pc.reg")?;
        file.into_os_string().into_string().ok().context("the target folder's path is not Unicode")
    }
}

/// One PC: a name and the folder where its `rehome` keeps its state.
pub struct Pc {
    name: &'static str,
    state: PathBuf,
}

impl Pc {
    /// A PC that is not connected yet.
    pub fn new(stage: &Stage, name: &'static str) -> anyhow::Result<Self> {
        let state = stage.path(name);
        std::fs::create_dir(&state).with_context(|| format!("could not make {}", state.display()))?;
        Ok(Self { name, state })
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Connects it to the server.
    pub fn enroll(&self, stage: &Stage, server: &Server, invitation: &Invitation) -> anyhow::Result<()> {
        let words = [
            "enroll",
            "--server",
            &server.address(),
            "--user",
            &invitation.user,
            "--password-stdin",
            "--device-name",
            self.name,
        ];
        self.say(stage, &words, &invitation.password)
    }

    /// Runs one `rehome` command on it and shows what it says.
    pub fn tell(&self, stage: &Stage, words: &[&str]) -> anyhow::Result<()> {
        self.say(stage, words, "")
    }

    /// The command as a person would type it, from any folder.
    pub fn line(&self, stage: &Stage, words: &[&str]) -> String {
        format!("REHOME_STATE_DIR={} {} {}", self.state.display(), stage.binaries.agent.display(), words.join(" "))
    }

    /// Runs one `rehome` command on it and shows those lines of its answer that `wanted` picks, where all of them would repeat what was
    /// shown before.
    pub fn tell_briefly(&self, stage: &Stage, words: &[&str], wanted: fn(&str) -> bool) -> anyhow::Result<()> {
        self.show(words);
        let output = process::capture(&mut self.command(stage, words), "")?;
        for line in String::from_utf8_lossy(&output.stdout).lines().filter(|line| !line.is_empty() && wanted(line)) {
            anstream::println!("{line}");
        }
        if !matches!(output.status.code(), Some(0 | 3)) {
            bail!("`rehome {}`: {}", words.join(" "), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    }

    fn say(&self, stage: &Stage, words: &[&str], input: &str) -> anyhow::Result<()> {
        self.show(words);
        let status = process::run(&mut self.command(stage, words), input)?;
        match status.code() {
            // 3 is "finished, and some things were left out, listed above": a person's real hive may well have such.
            Some(0 | 3) => Ok(()),
            _ => bail!("`rehome {}` ended with {status}", words.join(" ")),
        }
    }

    fn show(&self, words: &[&str]) {
        say::command(&format!("rehome {}    # on {}", shortened(words), self.name));
    }

    fn command(&self, stage: &Stage, words: &[&str]) -> Command {
        let mut command = repo::program(&stage.binaries.agent);
        command.args(words).env("REHOME_STATE_DIR", &self.state);
        command
    }
}

/// Paths shown by their last name: where the checkout lies is of no interest to the story.
fn shortened(words: &[&str]) -> String {
    let short = |word: &&str| match Path::new(word) {
        path if path.is_absolute() => {
            path.file_name().map_or_else(|| (*word).to_owned(), |name| name.display().to_string())
        }
        _ => (*word).to_owned(),
    };
    words.iter().map(short).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn the_story_shows_file_names_and_leaves_addresses_whole() {
        let words = ["enroll", "--server", "http://127.0.0.1:4433", "--to", "/var/lib/somebody/new-pc.reg"];
        assert_eq!(shortened(&words), "enroll --server http://127.0.0.1:4433 --to new-pc.reg");
    }
}
