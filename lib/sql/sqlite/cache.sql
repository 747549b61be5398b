-- What dp-store sets besides: 32 MB for pages, so that those of the indexes are not read again, nor
-- written before their transaction ends. A program that only logs does with less.
PRAGMA cache_size = -32000;
