//! Pictures that people have, and such as no person has.

use std::io::Cursor;

use super::*;

const FILE: FileRef = FileRef { blob: BlobId([0xab; 32]), size: 1234 };

/// Pixels that are not all the same: a slope of red over green.
fn slope(width: u16, height: u16) -> Vec<u8> {
    (0..height)
        .flat_map(|y| (0..width).flat_map(move |x| [(x * 7).to_le_bytes()[0], (y * 5).to_le_bytes()[0], 99]))
        .collect()
}

pub(crate) fn a_jpeg(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 95);
    encoder.add_app_segment(1, b"Exif\0\0 where this was taken".to_vec()).unwrap();
    encoder.encode(&slope(width, height), width, height, jpeg_encoder::ColorType::Rgb).unwrap();
    // What a person's file may have behind its end.
    [&bytes[..], b"MZ and a program behind the picture"].concat()
}

fn a_png(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width.into(), height.into());
    encoder.set_color(png::ColorType::Rgb);
    encoder.add_text_chunk("Comment".to_owned(), "where this was taken".to_owned()).unwrap();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&slope(width, height)).unwrap();
    writer.finish().unwrap();
    bytes
}

/// The head of a PNG that claims this size, with a valid checksum, and one empty chunk of pixels.
fn claims(width: u32, height: u32) -> Vec<u8> {
    let chunk = |kind: &[u8], data: &[u8]| {
        let body = [kind, data].concat();
        let length = u32::try_from(data.len()).unwrap().to_be_bytes();
        [&length[..], &body, &crc32fast::hash(&body).to_be_bytes()].concat()
    };
    let head = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    [&b"\x89PNG\r\n\x1a\n"[..], &chunk(b"IHDR", &head), &chunk(b"IDAT", b"x\x9c\x03\0\0\0\0\x01"), &chunk(b"IEND", b"")]
        .concat()
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn a_picture_is_the_same_to_the_eye_and_nothing_else_of_it_is_left() {
    for (bytes, ending) in [(a_jpeg(40, 30), "jpg"), (a_png(40, 30), "png")] {
        let washed = Here.wash(Box::new(&bytes[..]), &FILE).unwrap();
        assert_eq!(crate::apply::picture_ending(&washed), Some(ending));
        assert!(!has(&washed, "where this was taken") && !has(&washed, "a program behind"), "{ending}");
        assert_eq!(noted(&washed), Some(FILE), "it says what it was made from");
        assert_eq!(noted(&bytes), None);
        assert_eq!(wash(&bytes, &FILE).unwrap(), washed, "the same each time");
    }
    let washed = wash(&a_png(40, 30), &FILE).unwrap();
    let mut reader = png::Decoder::new(Cursor::new(washed)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    assert_eq!(pixels, slope(40, 30), "a PNG keeps every pixel");
}

#[test]
fn what_is_no_picture_or_claims_too_much_is_refused() {
    for bytes in
        [&b""[..], b"MZ", b"GIF89a", b"<svg/>", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0 a picture"]
    {
        assert_eq!(wash(bytes, &FILE), Err(Reason::NotAPicture), "{bytes:?}");
    }
    for (width, height) in [(70_000, 10), (30_000, 30_000), (u32::MAX >> 1, u32::MAX >> 1)] {
        assert!(wash(&claims(width, height), &FILE).is_err(), "{width} x {height}");
    }
    for (width, height) in [(9000, 9000), (100_000, 100_000), (1, 100_000)] {
        assert_eq!(wash(&claims(width, height), &FILE), Err(Reason::FileTooLarge), "a bomb is not even unpacked");
    }
    assert_eq!(wash(&vec![0; (32 << 20) + 1], &FILE), Err(Reason::FileTooLarge));
}

#[test]
fn no_damage_makes_the_reader_fall_over() {
    for whole in [a_jpeg(24, 16), a_png(24, 16)] {
        for cut in 0..whole.len() {
            drop(wash(&whole[..cut], &FILE));
        }
        for at in 0..whole.len() {
            for bit in [1_u8, 0x80] {
                let mut bytes = whole.clone();
                bytes[at] ^= bit;
                drop(wash(&bytes, &FILE));
            }
        }
    }
}

#[test]
fn the_other_end_says_by_its_code_why_it_has_nothing_to_give() {
    let mut out = Vec::new();
    assert_eq!(serve(FILE.blob, FILE.size, &a_png(4, 4)[..], &mut out), 0);
    assert_eq!(noted(&out), Some(FILE));
    assert_eq!(serve(FILE.blob, FILE.size, &b"MZ"[..], Vec::new()), 20);
    assert_eq!(serve(FILE.blob, FILE.size, &claims(9000, 9000)[..], Vec::new()), 21);
}
