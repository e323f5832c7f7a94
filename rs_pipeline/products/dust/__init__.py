"""Ground that is bare in spring, when dust blows, by month."""
