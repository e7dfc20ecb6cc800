//! The keyed hashes and the cipher of suites 3 and 17 (IPMI 2.0 sections 13.28 to 13.32).

use aes::Aes128;
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockDecryptMut, BlockEncryptMut, KeyIvInit};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::Sha256;

/// HMAC-SHA1 for suite 3, HMAC-SHA256 for suite 17.
pub fn hmac(suite: u8, key: &[u8], data: &[u8]) -> Vec<u8> {
    match suite {
        3 => Hmac::<Sha1>::new_from_slice(key).expect("any key length").chain_update(data).finalize().into_bytes().to_vec(),
        17 => Hmac::<Sha256>::new_from_slice(key).expect("any key length").chain_update(data).finalize().into_bytes().to_vec(),
        other => panic!("suite {other}"),
    }
}

/// Length of an integrity code.
pub fn code_length(suite: u8) -> usize {
    if suite == 3 { 12 } else { 16 }
}

/// AES-CBC-128 with the confidentiality trailer 1, 2, 3 … count; the IV stands in front.
pub fn encrypt(key: &[u8], iv: [u8; 16], clear: &[u8]) -> Vec<u8> {
    let count = (16 - (clear.len() + 1) % 16) % 16;
    let mut body = clear.to_vec();
    for pad in 1..=count {
        body.push(u8::try_from(pad).expect("below 16"));
    }
    body.push(u8::try_from(count).expect("below 16"));
    let length = body.len();
    cbc::Encryptor::<Aes128>::new_from_slices(&key[..16], &iv)
        .expect("16 bytes")
        .encrypt_padded_mut::<NoPadding>(&mut body, length)
        .expect("whole blocks");
    [iv.to_vec(), body].concat()
}

/// The way back; `None` if the trailer is not what the standard says.
pub fn decrypt(key: &[u8], payload: &[u8]) -> Option<Vec<u8>> {
    let (iv, body) = payload.split_at_checked(16)?;
    let mut body = body.to_vec();
    let clear = cbc::Decryptor::<Aes128>::new_from_slices(&key[..16], iv).ok()?.decrypt_padded_mut::<NoPadding>(&mut body).ok()?;
    let count = usize::from(*clear.last()?);
    let end = clear.len().checked_sub(count + 1)?;
    let pads_count_up = clear[end..clear.len() - 1].iter().zip(1u8..).all(|(pad, want)| *pad == want);
    (count < 16 && pads_count_up).then(|| clear[..end].to_vec())
}
