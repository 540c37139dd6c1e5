//! What is backed up: a profile folder for the product, the same amount of text and picture for the peers.
//!
//! The peers get the demo person's settings as 20 text files (about 80 kB, what 200 registry keys come to) and a wallpaper of 1.5 MB that does not
//! compress; the product gets a profile folder with a real hive and the same wallpaper.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::{Args, instructions};
use crate::repo;

/// Bytes of the wallpaper: a photograph as Windows keeps it.
const WALLPAPER_BYTES: usize = 1_572_864;
/// How many files the text is cut into.
const TEXT_FILES: usize = 20;
/// The value that "one value changed" changes: a number that Windows offers in a range, in every user's hive.
const CHANGED_VALUE: &str = "CaretTimeout";

/// The two folders.
pub struct Source {
    /// Folder of a Windows profile.
    pub profile: PathBuf,
    /// Folder of text files and a picture.
    pub plain: PathBuf,
    /// What the hive is, for the page.
    pub hive_says: String,
}

impl Source {
    /// Makes both below `folder`.
    pub fn make(args: &Args, folder: &Path) -> anyhow::Result<Self> {
        let (hive, hive_says) = hive(args, folder)?;
        let profile = folder.join("profile");
        let themes = profile.join("AppData/Roaming/Microsoft/Windows/Themes");
        let plain = folder.join("plain");
        for folder in [&themes, &plain] {
            std::fs::create_dir_all(folder).with_context(|| format!("could not make {}", folder.display()))?;
        }
        std::fs::copy(&hive, profile.join("NTUSER.DAT")).context("could not copy the hive")?;
        let picture = picture()?;
        repo::write(&themes.join("TranscodedWallpaper"), &picture)?;
        repo::write(&plain.join("wallpaper.png"), &picture)?;
        let text = persona()?;
        let lines: Vec<&str> = text.lines().collect();
        for (number, part) in lines.chunks(lines.len().div_ceil(TEXT_FILES)).enumerate() {
            repo::write(&plain.join(format!("part-{number:02}.txt")), part.join("\n"))?;
        }
        let source = Self { profile, plain, hive_says };
        source.choose_own_picture()?;
        source.change(0)?;
        Ok(source)
    }

    /// Makes the stock picture of Windows, which nobody has to back up, one of the person's own.
    fn choose_own_picture(&self) -> anyhow::Result<()> {
        let hive = self.profile.join("NTUSER.DAT");
        let bytes = std::fs::read(&hive).context("could not read the hive")?;
        repo::write(&hive, replace_text(bytes, "img0.jpg", "mine.jpg"))
    }

    /// Changes one value in both, to another one with each `round`.
    pub fn change(&self, round: u32) -> anyhow::Result<()> {
        let hive = self.profile.join("NTUSER.DAT");
        let mut bytes = std::fs::read(&hive).context("could not read the hive")?;
        if !set_dword(&mut bytes, CHANGED_VALUE, 5000 + round) {
            bail!("the hive has no value {CHANGED_VALUE} to change");
        }
        repo::write(&hive, bytes)?;
        // As in the recipe, the value stands in one of the files among others, not in a file of its own.
        let part = self.plain.join("part-10.txt");
        let text = std::fs::read_to_string(&part).with_context(|| format!("could not read {}", part.display()))?;
        let others: Vec<&str> = text.lines().filter(|line| !line.contains(CHANGED_VALUE)).collect();
        repo::write(&part, format!("\"{CHANGED_VALUE}\"=dword:{:08x}\n{}", 5000 + round, others.join("\n")))
    }
}

/// The hive to measure with, and what to call it: the argument, the test data beside the checkout, or one of our own making.
pub fn hive(args: &Args, folder: &Path) -> anyhow::Result<(PathBuf, String)> {
    let beside = repo::root().join("../shared/data/hives/win10-22h2-admin.NTUSER.DAT");
    let given = args.hive.clone().or_else(|| beside.is_file().then_some(beside));
    let path = match given {
        Some(path) => path,
        None => instructions::made_hive(folder)?,
    };
    let bytes = path.metadata().with_context(|| format!("no hive at {}", path.display()))?.len();
    let name = path.file_name().map(|name| name.display().to_string()).unwrap_or_default();
    Ok((path, format!("{name}, {bytes} bytes")))
}

/// The demo person's export as UTF-8.
fn persona() -> anyhow::Result<String> {
    let bytes =
        std::fs::read(repo::root().join("xtask/demo/old-pc.reg")).context("could not read xtask/demo/old-pc.reg")?;
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).skip(1).collect();
    String::from_utf16(&units).context("xtask/demo/old-pc.reg is not UTF-16")
}

/// A picture of noise, which does not compress: [`WALLPAPER_BYTES`] and a few for its frame. A real one, as the product opens pictures that it restores.
fn picture() -> anyhow::Result<Vec<u8>> {
    use std::io::Read;
    let side = u32::try_from((WALLPAPER_BYTES / 3).isqrt()).context("the picture is too wide")?;
    let mut pixels = vec![0; 3 * (side as usize).pow(2)];
    let mut source = std::fs::File::open("/dev/urandom").context("no /dev/urandom")?;
    source.read_exact(&mut pixels).context("could not read /dev/urandom")?;
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side, side);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::NoCompression);
    encoder.write_header().and_then(|mut writer| writer.write_image_data(&pixels)).context("could not make a PNG")?;
    Ok(bytes)
}

/// Puts one text in the place of another of the same length, in UTF-16LE.
fn replace_text(mut bytes: Vec<u8>, old: &str, new: &str) -> Vec<u8> {
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let (old, new) = (utf16(old), utf16(new));
    assert_eq!(old.len(), new.len(), "the text is replaced where it stands");
    let mut at = 0;
    while at + old.len() <= bytes.len() {
        if bytes[at..].starts_with(&old) {
            bytes[at..at + new.len()].copy_from_slice(&new);
        }
        at += 1;
    }
    bytes
}

/// Sets each `REG_DWORD` of that name in a hive's bytes: a value cell is `vk`, name length, data length with the in-place bit, data, type, flags,
/// a spare field, the name.
fn set_dword(hive: &mut [u8], name: &str, value: u32) -> bool {
    let name_len = u16::try_from(name.len()).expect("a value's name is short").to_le_bytes();
    let head = [&b"vk"[..], &name_len, &0x8000_0004_u32.to_le_bytes()].concat();
    let cell = head.len() + 12 + name.len();
    let mut found = false;
    for at in 0..hive.len().saturating_sub(cell) {
        let here = &hive[at..at + cell];
        if here.starts_with(&head) && here[12..16] == 4_u32.to_le_bytes() && here.ends_with(name.as_bytes()) {
            hive[at + 8..at + 12].copy_from_slice(&value.to_le_bytes());
            found = true;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cell_is_found_and_changed_in_place() {
        let mut hive =
            b"....vk\x03\x00\x04\x00\x00\x80\x01\x00\x00\x00\x04\x00\x00\x00\x01\x00\x00\x00Abc.....".to_vec();
        assert!(set_dword(&mut hive, "Abc", 0x1234));
        assert_eq!(hive[12..16], [0x34, 0x12, 0, 0]);
        assert!(!set_dword(&mut hive, "Xyz", 1));
    }

    #[test]
    fn the_persona_is_about_as_much_text_as_200_keys() {
        assert!((60_000..120_000).contains(&persona().unwrap().len()));
    }
}
