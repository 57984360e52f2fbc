from mould_watch.storage.migrations import load_migrations


def test_migrations_are_numbered_one_by_one_and_named() -> None:
    migrations = load_migrations()
    assert [each.version for each in migrations] == list(range(1, len(migrations) + 1))
    assert migrations[0].name == "readings_and_rooms"


def test_no_migration_ends_the_transaction_it_runs_in() -> None:
    for migration in load_migrations():
        statements = {line.strip().upper() for line in migration.sql.splitlines()}
        assert not statements & {"COMMIT;", "ROLLBACK;", "BEGIN;"}, migration.name
