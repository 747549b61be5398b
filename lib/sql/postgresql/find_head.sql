-- The highest number that there ever was: that of the newest event may fall when it is removed.
SELECT n FROM event_counter WHERE one = 1;
