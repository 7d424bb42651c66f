"""Proof of identity for commands that act for a person. It is never an argument, which every process can read."""

from __future__ import annotations

import getpass
import os
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from governance.integrations.importers.people import Password, Proof, Token


def add_proof_arguments(parser: ArgumentParser) -> None:
    """Add the options for the proof of identity."""
    proof = parser.add_argument_group(
        "proof of identity",
        "That --as is who runs this: their access token in --token-file, COUNTERSIGN_TOKEN or COUNTERSIGN_TOKEN_FILE; "
        "or their password in --password-file or, on a terminal, as asked for.",
    ).add_mutually_exclusive_group()
    proof.add_argument("--token-file", default="", metavar="FILE", help="holds an access token of the officer")
    proof.add_argument("--password-file", default="", metavar="FILE", help="holds the officer's password")


def proof_of(options: Mapping[str, Any], username: str) -> Proof:
    """Return the proof from the options, the environment or the terminal, in this order.

    Args:
        options: the parsed options.
        username: the person to prove.

    Raises:
        CommandError: there is no proof, or its file cannot be read.
    """
    if options["token_file"]:
        return Token(_content(options["token_file"]))
    if options["password_file"]:
        return Password(_content(options["password_file"]))
    if token := os.environ.get("COUNTERSIGN_TOKEN", ""):
        return Token(token)
    if file := os.environ.get("COUNTERSIGN_TOKEN_FILE", ""):
        return Token(_content(file))
    if sys.stdin.isatty():
        return Password(getpass.getpass(f"Password of {username}: "))
    raise CommandError(
        f"Prove that {username} runs this: give one of their access tokens in COUNTERSIGN_TOKEN or --token-file, or "
        "their password in --password-file or on a terminal. Access to this shell proves nothing."
    )


def add_password_argument(parser: ArgumentParser, *, is_required: bool = True) -> None:
    """Add the options of a command that takes a person's signature; tokens cannot sign.

    Args:
        parser: parser of the command.
        is_required: False for a command that can run without an account; it then checks `username` itself.
    """
    parser.add_argument(
        "--as", dest="username", required=is_required, metavar="USER", help="the account that runs this"
    )
    parser.add_argument("--password-file", default="", metavar="FILE", help="holds the password of USER")


def password_of(options: Mapping[str, Any]) -> Password:
    """Return the password from the file or the terminal.

    Raises:
        CommandError: there is neither, or the file cannot be read.
    """
    if options["password_file"]:
        return Password(_content(options["password_file"]))
    if sys.stdin.isatty():
        return Password(getpass.getpass(f"Password of {options['username']}: "))
    raise CommandError(f"Give the password of {options['username']} in --password-file or on a terminal.")


def _content(name: str) -> str:
    """Return the first line of a file without its line ending; passwords may begin or end with blanks."""
    try:
        with Path(name).open(encoding="utf-8") as stream:
            return stream.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
