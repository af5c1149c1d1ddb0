"""All kinds of files, by name."""

from benchmarks.fuzz import readers, stored

READERS: dict[str, type[readers.AbstractReader]] = {
    "table": readers.TableFile,
    "rewards": readers.GridFile,
    "text": readers.TextFile,
    "toml": readers.TomlFile,
    "set": readers.SetTexts,
    "arrays": readers.ArrayFile,
    "images": readers.ImageFolder,
    "store": stored.StoreFile,
    "network": stored.NetworkFolder,
    "page": stored.PageParameters,
}
