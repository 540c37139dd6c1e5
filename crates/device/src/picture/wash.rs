//! Decoding and encoding anew.

use std::io::{Cursor, Write};

use jpeg_encoder::ColorType as JpegColour;
use model::reason::Reason;
use model::value::FileRef;
use png::{BitDepth, ColorType, Limits, Transformations};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::{PIXELS_MAX, note};
use crate::apply::picture_ending;
use crate::plan::PICTURE_BYTES_MAX;

/// The quality of JPEG files that we write, in per cent: nobody sees the difference, and Windows itself writes 85.
const QUALITY: u8 = 92;

/// The longest side of a picture, in pixels: what JPEG can say.
const SIDE_MAX: usize = 65_535;

/// Memory that the reader of PNG may take, in bytes: the widest line and what unpacks it; the pixels are ours.
const PNG_BYTES_MAX: usize = 64 << 20;

/// A PNG that takes more than so much of its pixels, in per cent, did not compress: packing it again would only cost time.
const STORED_PER_CENT: usize = 95;

/// The picture anew. JPEG stays JPEG, PNG stays PNG.
pub fn wash(bytes: &[u8], file: &FileRef) -> Result<Vec<u8>, Reason> {
    let mut washed = Vec::with_capacity(room(file.size));
    wash_to(bytes, file, &mut washed)?;
    Ok(washed)
}

/// The same, written to `to`, which may have got some of it when there is an error.
pub(super) fn wash_to(bytes: &[u8], file: &FileRef, to: &mut dyn Write) -> Result<(), Reason> {
    if bytes.len() as u64 > PICTURE_BYTES_MAX {
        return Err(Reason::FileTooLarge);
    }
    match picture_ending(bytes) {
        Some("jpg") => jpeg(bytes, file, to),
        Some("png") => png(bytes, file, to),
        _ => Err(Reason::NotAPicture),
    }
}

/// Whether there are so few pixels that they are decoded at all.
fn check_size(width: usize, height: usize) -> Result<(), Reason> {
    let pixels = (width as u64).saturating_mul(height as u64);
    match pixels {
        0 => Err(Reason::NotAPicture),
        1..=PIXELS_MAX if width <= SIDE_MAX && height <= SIDE_MAX => Ok(()),
        _ => Err(Reason::FileTooLarge),
    }
}

/// The room that a picture will need anew, in bytes: about what it took, and the note. It grows if that is not enough.
pub(super) fn room(size: u64) -> usize {
    const NOTE_BYTES: u64 = 4096;
    usize::try_from(size.min(PICTURE_BYTES_MAX) + NOTE_BYTES).unwrap_or_default()
}

fn jpeg(bytes: &[u8], file: &FileRef, to: &mut dyn Write) -> Result<(), Reason> {
    let options = DecoderOptions::default()
        .jpeg_set_out_colorspace(ColorSpace::RGB)
        .set_max_width(SIDE_MAX)
        .set_max_height(SIDE_MAX);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|_| Reason::NotAPicture)?;
    let (width, height) = decoder.dimensions().ok_or(Reason::NotAPicture)?;
    check_size(width, height)?;
    let pixels = decoder.decode().map_err(|_| Reason::NotAPicture)?;
    let side = |side| u16::try_from(side).map_err(|_| Reason::FileTooLarge);
    let mut encoder = jpeg_encoder::Encoder::new(&mut *to, QUALITY);
    encoder.add_app_segment(note::JPEG_SEGMENT, note::of(file)).map_err(|_| Reason::Internal)?;
    let colour = if pixels.len() == width * height { JpegColour::Luma } else { JpegColour::Rgb };
    encoder.encode(&pixels, side(width)?, side(height)?, colour).map_err(|_| Reason::NotAPicture)
}

fn png(bytes: &[u8], file: &FileRef, to: &mut dyn Write) -> Result<(), Reason> {
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: PNG_BYTES_MAX });
    decoder.set_transformations(Transformations::normalize_to_color8());
    decoder.set_ignore_text_chunk(true);
    let mut reader = decoder.read_info().map_err(|_| Reason::NotAPicture)?;
    let (width, height) = (reader.info().width, reader.info().height);
    check_size(width as usize, height as usize)?;
    let size = reader.output_buffer_size().ok_or(Reason::FileTooLarge)?;
    let mut pixels = vec![0; size];
    let frame = reader.next_frame(&mut pixels).map_err(|_| Reason::NotAPicture)?;
    pixels.truncate(frame.buffer_size());
    if frame.bit_depth != BitDepth::Eight
        || frame.color_type == ColorType::Indexed
        || (frame.width, frame.height) != (width, height)
    {
        return Err(Reason::NotAPicture);
    }
    let mut encoder = png::Encoder::new(to, width, height);
    encoder.set_color(frame.color_type);
    encoder.set_depth(BitDepth::Eight);
    let is_stored = bytes.len() / STORED_PER_CENT > pixels.len() / 100;
    // Fast: 4 ms a million pixels instead of 40, for a few per cent more bytes.
    encoder.set_compression(if is_stored { png::Compression::NoCompression } else { png::Compression::Fast });
    let note = String::from_utf8(note::of(file)).map_err(|_| Reason::Internal)?;
    encoder.add_text_chunk(note::PNG_KEYWORD.to_owned(), note).map_err(|_| Reason::Internal)?;
    let mut writer = encoder.write_header().map_err(|_| Reason::Internal)?;
    writer.write_image_data(&pixels).map_err(|_| Reason::Internal)?;
    writer.finish().map_err(|_| Reason::Internal)
}
