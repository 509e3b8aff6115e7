//! Names, each kept once: a record holds four bytes of it.

use std::collections::HashMap;
use std::sync::Arc;

use crate::lock::RwLock;

/// Names kept at most. A program that puts user ids into the names of its traces must not grow without bound.
pub(super) const NAME_LIMIT: usize = 65_536;

/// A name, in the table of its recorder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NameId(pub(crate) u32);

impl NameId {
    /// What names beyond the limit are recorded under.
    pub(crate) const OVERFLOW: Self = Self(0);
}

/// The table.
#[derive(Debug)]
pub(super) struct Names {
    table: RwLock<Table>,
}

#[derive(Debug)]
struct Table {
    ids: HashMap<Arc<str>, NameId>,
    names: Vec<Arc<str>>,
}

impl Names {
    pub(super) fn new() -> Self {
        let overflow: Arc<str> = "(other names)".into();
        Self { table: RwLock::new(Table { ids: HashMap::new(), names: vec![overflow] }) }
    }

    /// The id of a name, made if need be; [`NameId::OVERFLOW`] beyond the limit.
    pub(super) fn intern(&self, name: &str) -> NameId {
        if let Some(id) = self.table.read().ids.get(name) {
            return *id;
        }
        let mut table = self.table.write();
        if let Some(id) = table.ids.get(name) {
            return *id;
        }
        if table.names.len() >= NAME_LIMIT {
            return NameId::OVERFLOW;
        }
        let id = NameId(u32::try_from(table.names.len()).unwrap_or(0));
        let name: Arc<str> = name.into();
        table.names.push(Arc::clone(&name));
        table.ids.insert(name, id);
        id
    }

    /// The name of an id.
    pub(super) fn get(&self, id: NameId) -> Arc<str> {
        let table = self.table.read();
        Arc::clone(table.names.get(id.0 as usize).unwrap_or(&table.names[0]))
    }

    /// Every name, by id.
    pub(super) fn all(&self) -> Vec<Arc<str>> {
        self.table.read().names.clone()
    }
}
