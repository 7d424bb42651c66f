"""`manage.py sweep_storage`: delete unused stored files now, like the hourly task; `--dry-run` only counts them."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from registry import storage
from registry.services import garbage_collection


class Command(BaseCommand):
    """Deletes incomplete uploads and unreferenced bytes, and gives up versions whose files were never uploaded."""

    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only count, and delete nothing")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        try:
            swept = garbage_collection.collect_garbage(dry_run=dry_run)
        except storage.StorageUnavailableError as error:
            raise CommandError(f"The file store is not available: {error.strerror}") from error
        self.stdout.write(f"{swept.half_uploads:>8,}  incomplete uploads")
        self.stdout.write(f"{swept.orphans:>8,}  files that nothing refers to, {swept.orphan_bytes:,} bytes")
        self.stdout.write(f"{swept.abandoned:>8,}  versions that were never completed")
        self.stdout.write("Nothing was changed." if dry_run else "Removed, and given up.")
