//! Text and bytes as payloads, however they are held.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use crate::types::payload::{IntoPayload, payloads, sealed};

payloads! {
    &str: text => text.as_bytes().to_vec(), text.as_bytes();
    String: text => text.into_bytes(), text.as_bytes();
    &String: text => text.as_bytes().to_vec(), text.as_bytes();
    Cow<'_, str>: text => text.into_owned().into_bytes(), text.as_bytes();
    &Cow<'_, str>: text => text.as_bytes().to_vec(), text.as_bytes();
    Box<str>: text => text.into_string().into_bytes(), text.as_bytes();
    &Box<str>: text => text.as_bytes().to_vec(), text.as_bytes();
    Arc<str>: text => text.as_bytes().to_vec(), text.as_bytes();
    &Arc<str>: text => text.as_bytes().to_vec(), text.as_bytes();
    Rc<str>: text => text.as_bytes().to_vec(), text.as_bytes();
    &Rc<str>: text => text.as_bytes().to_vec(), text.as_bytes();
    char: letter => letter.to_string().into_bytes();

    &[u8]: bytes => bytes.to_vec(), bytes;
    Vec<u8>: bytes => bytes, bytes;
    &Vec<u8>: bytes => bytes.clone(), bytes;
    Cow<'_, [u8]>: bytes => bytes.into_owned(), bytes;
    &Cow<'_, [u8]>: bytes => bytes.to_vec(), bytes;
    Box<[u8]>: bytes => bytes.into_vec(), bytes;
    &Box<[u8]>: bytes => bytes.to_vec(), bytes;
    Arc<[u8]>: bytes => bytes.to_vec(), bytes;
    &Arc<[u8]>: bytes => bytes.to_vec(), bytes;
    Rc<[u8]>: bytes => bytes.to_vec(), bytes;
    &Rc<[u8]>: bytes => bytes.to_vec(), bytes;
}

impl<const N: usize> sealed::Sealed for [u8; N] {}

impl<const N: usize> IntoPayload for [u8; N] {
    fn into_payload(self) -> Vec<u8> {
        self.to_vec()
    }

    fn as_payload(&self) -> Option<&[u8]> {
        Some(&self[..])
    }
}

impl<const N: usize> sealed::Sealed for &[u8; N] {}

impl<const N: usize> IntoPayload for &[u8; N] {
    fn into_payload(self) -> Vec<u8> {
        self.to_vec()
    }

    fn as_payload(&self) -> Option<&[u8]> {
        Some(&self[..])
    }
}
