-- The highest number that there ever was: that of the newest event may fall when it is removed.
SELECT seq FROM sqlite_sequence WHERE name = 'events';
