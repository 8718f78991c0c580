//! What was gathered as bytes: of one file packed, since most stores are large and few of their files are loaded one by
//! one; of all files as it is, since that is loaded every time.

use libdeflater::{CompressionLvl, Compressor, Decompressor};

use crate::audit::gathered::Apart;
use crate::facts::plain;
use crate::store::StoreError;

const AS_IT_IS: u8 = 0;
/// Behind it the length (u64, little-endian), and a raw deflate stream.
const DEFLATE: u8 = 1;
/// What deflate can make of one byte at most, rounded up.
const MOST: u64 = 1_040;

/// `file`: for an error.
pub(super) fn write(file: &str, apart: &Apart, packed: bool) -> Result<Vec<u8>, StoreError> {
    let failed = |what: String| StoreError::Encode { file: file.to_owned(), what };
    let bytes = plain::sharing(|| postcard::to_extend(apart, vec![AS_IT_IS]))
        .map_err(|error| failed(error.to_string()))?;
    let Some((_, plain)) = bytes.split_first().filter(|_| packed) else { return Ok(bytes) };
    // The least there is that packs at all.
    let level = CompressionLvl::new(1).unwrap_or_default();
    let mut compressor = Compressor::new(level);
    let mut out = vec![DEFLATE];
    out.extend((plain.len() as u64).to_le_bytes());
    let head = out.len();
    out.resize(head + compressor.deflate_compress_bound(plain.len()), 0);
    let space = out.get_mut(head..).unwrap_or_default();
    let length = compressor.deflate_compress(plain, space).map_err(|error| failed(error.to_string()))?;
    out.truncate(head + length);
    Ok(out)
}

/// An error says what is wrong with the bytes.
pub(super) fn read(bytes: &[u8]) -> Result<Apart, String> {
    match bytes.split_first() {
        Some((&AS_IT_IS, plain)) => decode(plain),
        Some((&DEFLATE, rest)) => {
            let (length, packed) = rest.split_first_chunk::<8>().ok_or("no length")?;
            let length = u64::from_le_bytes(*length);
            if length > MOST.saturating_mul(packed.len() as u64) {
                return Err("it claims to be longer than it can be".to_owned());
            }
            let mut plain = vec![0; usize::try_from(length).map_err(|error| error.to_string())?];
            let read = Decompressor::new().deflate_decompress(packed, &mut plain);
            match read {
                Ok(read) if read == plain.len() => decode(&plain),
                Ok(_) => Err("it is shorter than it claims to be".to_owned()),
                Err(error) => Err(error.to_string()),
            }
        }
        Some(_) | None => Err("packed in a way that is not known".to_owned()),
    }
}

fn decode(plain: &[u8]) -> Result<Apart, String> {
    plain::sharing(|| postcard::from_bytes(plain)).map_err(|error| error.to_string())
}
