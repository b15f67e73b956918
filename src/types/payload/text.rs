//! Text and bytes as payloads, however they are held.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use crate::types::payload::{IntoPayload, payloads, sealed};

payloads! {
    &str: text => text.as_bytes().to_vec();
    String: text => text.into_bytes();
    &String: text => text.as_bytes().to_vec();
    Cow<'_, str>: text => text.into_owned().into_bytes();
    &Cow<'_, str>: text => text.as_bytes().to_vec();
    Box<str>: text => text.into_string().into_bytes();
    &Box<str>: text => text.as_bytes().to_vec();
    Arc<str>: text => text.as_bytes().to_vec();
    &Arc<str>: text => text.as_bytes().to_vec();
    Rc<str>: text => text.as_bytes().to_vec();
    &Rc<str>: text => text.as_bytes().to_vec();
    char: letter => letter.to_string().into_bytes();

    &[u8]: bytes => bytes.to_vec();
    Vec<u8>: bytes => bytes;
    &Vec<u8>: bytes => bytes.clone();
    Cow<'_, [u8]>: bytes => bytes.into_owned();
    &Cow<'_, [u8]>: bytes => bytes.to_vec();
    Box<[u8]>: bytes => bytes.into_vec();
    &Box<[u8]>: bytes => bytes.to_vec();
    Arc<[u8]>: bytes => bytes.to_vec();
    &Arc<[u8]>: bytes => bytes.to_vec();
    Rc<[u8]>: bytes => bytes.to_vec();
    &Rc<[u8]>: bytes => bytes.to_vec();
}

impl<const N: usize> sealed::Sealed for [u8; N] {}

impl<const N: usize> IntoPayload for [u8; N] {
    fn into_payload(self) -> Vec<u8> {
        self.to_vec()
    }
}

impl<const N: usize> sealed::Sealed for &[u8; N] {}

impl<const N: usize> IntoPayload for &[u8; N] {
    fn into_payload(self) -> Vec<u8> {
        self.to_vec()
    }
}
