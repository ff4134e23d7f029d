//! Walks a value for the [`Writer`]: serde's side of the canonical bytes.

use std::ops::Range;

use serde::Serialize;
use serde::ser::{
    Error as _, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use serde_json::Error;

use super::{Open, Writer};

/// How serde_json names a struct that stands for a literal (a number of any precision, raw JSON).
const LITERAL: &str = "$serde_json::private::";

impl Writer {
    fn integer(&mut self, value: impl itoa::Integer) {
        self.out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }

    /// Writes a key: text, or what JSON makes text of.
    fn key<K: Serialize + ?Sized>(&mut self, key: &K) -> Result<Range<usize>, Error> {
        let begin = self.out.len();
        key.serialize(&mut *self)?;
        match self.out.get(begin) {
            Some(b'"') => {}
            Some(b'-' | b'0'..=b'9') => {
                self.out.insert(begin, b'"');
                self.out.push(b'"');
            }
            _ => return Err(Error::custom("a key must be a text")),
        }
        let key = begin + 1..self.out.len() - 1;
        self.out.extend_from_slice(b": ");
        Ok(key)
    }

    fn field<T: Serialize + ?Sized>(&mut self, open: Open, key: &str, value: &T) -> Result<(), Error> {
        let begin = self.begin_field(open);
        let key = self.key(key)?;
        value.serialize(&mut *self)?;
        self.end_field(begin, key);
        Ok(())
    }

    fn item<T: Serialize + ?Sized>(&mut self, open: &mut Open, value: &T) -> Result<(), Error> {
        let begin = self.begin_item(*open);
        value.serialize(&mut *self)?;
        self.end_item(open, begin);
        Ok(())
    }

    /// Opens the object that tells a variant from others.
    fn variant(&mut self, name: &str) -> Result<Variant, Error> {
        let object = self.open(b'{');
        let begin = self.begin_field(object);
        let key = self.key(name)?;
        Ok(Variant { object, begin, key })
    }

    fn end_variant(&mut self, variant: Variant) {
        self.end_field(variant.begin, variant.key);
        self.end_object(variant.object);
    }
}

/// A variant whose value is being written.
struct Variant {
    object: Open,
    begin: usize,
    key: Range<usize>,
}

impl<'w> Serializer for &'w mut Writer {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = List<'w>;
    type SerializeTuple = List<'w>;
    type SerializeTupleStruct = List<'w>;
    type SerializeTupleVariant = List<'w>;
    type SerializeMap = Object<'w>;
    type SerializeStruct = Object<'w>;
    type SerializeStructVariant = Object<'w>;

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), Error> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<(), Error> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<(), Error> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<(), Error> {
        self.integer(value);
        Ok(())
    }

    fn serialize_i128(self, value: i128) -> Result<(), Error> {
        self.integer(value);
        Ok(())
    }

    fn serialize_u8(self, value: u8) -> Result<(), Error> {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<(), Error> {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<(), Error> {
        self.serialize_u64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Result<(), Error> {
        self.integer(value);
        Ok(())
    }

    fn serialize_u128(self, value: u128) -> Result<(), Error> {
        self.integer(value);
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), Error> {
        // The shortest digits that read back the same are serde_json's; what is no number is null.
        serde_json::to_writer(&mut self.out, &value)
    }

    fn serialize_f64(self, value: f64) -> Result<(), Error> {
        serde_json::to_writer(&mut self.out, &value)
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        self.text(value.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    fn serialize_str(self, value: &str) -> Result<(), Error> {
        self.text(value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Error> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        let variant = self.variant(variant)?;
        value.serialize(&mut *self)?;
        self.end_variant(variant);
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List<'w>, Error> {
        let open = self.open(b'[');
        Ok(List { writer: self, open, variant: None })
    }

    fn serialize_tuple(self, len: usize) -> Result<List<'w>, Error> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<List<'w>, Error> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<List<'w>, Error> {
        let variant = Some(self.variant(variant)?);
        let open = self.open(b'[');
        Ok(List { writer: self, open, variant })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Object<'w>, Error> {
        let open = Some(self.open(b'{'));
        Ok(Object { writer: self, open, variant: None, key: None })
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Object<'w>, Error> {
        let open = (!name.starts_with(LITERAL)).then(|| self.open(b'{'));
        Ok(Object { writer: self, open, variant: None, key: None })
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Object<'w>, Error> {
        let variant = Some(self.variant(variant)?);
        let open = Some(self.open(b'{'));
        Ok(Object { writer: self, open, variant, key: None })
    }
}

/// A list that is being written.
pub(super) struct List<'w> {
    writer: &'w mut Writer,
    open: Open,
    variant: Option<Variant>,
}

impl List<'_> {
    fn finish(self) {
        self.writer.end_list(self.open);
        if let Some(variant) = self.variant {
            self.writer.end_variant(variant);
        }
    }
}

/// An object that is being written.
pub(super) struct Object<'w> {
    writer: &'w mut Writer,
    /// Absent: a literal, whose only field is written as it is.
    open: Option<Open>,
    variant: Option<Variant>,
    /// Where a field began whose value is still to come, and its key.
    key: Option<(usize, Range<usize>)>,
}

impl Object<'_> {
    fn field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Error> {
        match self.open {
            Some(open) => self.writer.field(open, key, value),
            None => {
                let literal: String = serde_json::from_value(serde_json::to_value(value)?)?;
                self.writer.out.extend_from_slice(literal.as_bytes());
                Ok(())
            }
        }
    }

    fn finish(self) {
        if let Some(open) = self.open {
            self.writer.end_object(open);
        }
        if let Some(variant) = self.variant {
            self.writer.end_variant(variant);
        }
    }
}

macro_rules! list {
    ($trait:ident, $method:ident) => {
        impl $trait for List<'_> {
            type Ok = ();
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.writer.item(&mut self.open, value)
            }

            fn end(self) -> Result<(), Error> {
                self.finish();
                Ok(())
            }
        }
    };
}
list!(SerializeSeq, serialize_element);
list!(SerializeTuple, serialize_element);
list!(SerializeTupleStruct, serialize_field);
list!(SerializeTupleVariant, serialize_field);

macro_rules! object {
    ($trait:ident) => {
        impl $trait for Object<'_> {
            type Ok = ();
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Error> {
                self.field(key, value)
            }

            fn end(self) -> Result<(), Error> {
                self.finish();
                Ok(())
            }
        }
    };
}
object!(SerializeStruct);
object!(SerializeStructVariant);

impl SerializeMap for Object<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<K: Serialize + ?Sized>(&mut self, key: &K) -> Result<(), Error> {
        if let Some(open) = self.open {
            let begin = self.writer.begin_field(open);
            self.key = Some((begin, self.writer.key(key)?));
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(&mut *self.writer)?;
        if let Some((begin, key)) = self.key.take() {
            self.writer.end_field(begin, key);
        }
        Ok(())
    }

    fn end(self) -> Result<(), Error> {
        self.finish();
        Ok(())
    }
}
