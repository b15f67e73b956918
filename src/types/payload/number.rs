//! Numbers as payloads: the text that Python's `str()` gives them.

use crate::types::payload::payloads;

macro_rules! integers {
    ($($integer:ty)*) => {$(
        payloads! {
            $integer: number => number.to_string().into_bytes();
            &$integer: number => number.to_string().into_bytes();
        }
    )*};
}

integers!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);

macro_rules! floats {
    ($($float:ty)*) => {$(
        payloads! {
            $float: number => python_float(format!("{number:?}")).into_bytes();
            &$float: number => python_float(format!("{number:?}")).into_bytes();
        }
    )*};
}

floats!(f32 f64);

/// Turns Rust's text of a float into Python's `str()`: both print the fewest digits that give the number back and
/// change to an exponent at the same sizes, but spell the exponent and "not a number" differently.
///
/// Where two such texts are equally near (-92581284705668.625), the last of 16 digits may be Python's plus one; it reads
/// back as the same float.
fn python_float(rust: String) -> String {
    if rust == "NaN" {
        return "nan".to_owned();
    }
    let Some((digits, exponent)) = rust.split_once('e') else {
        return rust;
    };
    match exponent.strip_prefix('-') {
        Some(exponent) => format!("{digits}e-{exponent:0>2}"),
        None => format!("{digits}e+{exponent:0>2}"),
    }
}

#[cfg(test)]
mod tests {
    use crate::types::IntoPayload;

    #[track_caller]
    fn check(payload: impl IntoPayload, expected: &str) {
        assert_eq!(String::from_utf8_lossy(&payload.into_payload()), expected);
    }

    #[test]
    fn integers() {
        check(-7, "-7");
        [1_u8, 7].iter().zip(["1", "7"]).for_each(|(number, text)| check(number, text));
        check(u128::MAX, "340282366920938463463374607431768211455");
    }

    #[test]
    fn floats_are_pythons() {
        let expected = [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (21.5, "21.5"),
            (0.1 + 0.2, "0.30000000000000004"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (123456789012345.6, "123456789012345.6"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e300, "1.5e+300"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::NAN, "nan"),
            (-f64::NAN, "nan"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (number, text) in expected {
            check(number, text);
        }
        check(0.1_f32, "0.1");
    }
}
