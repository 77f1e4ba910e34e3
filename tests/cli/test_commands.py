"""What a person at a terminal and a program in a pipe get from each command."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from outlay_infra.warehouse import Warehouse
from tests.cli.conftest import Cli

NOVEMBER = ("--from", "2026-11-01", "--to", "2026-12-01", "--zone", "UTC")


@pytest.fixture
def filled(cli: Cli, usage_csv: Path, catalog_yaml: Path) -> Cli:
    assert cli("apply", "-f", catalog_yaml).code == 0
    assert cli("import", usage_csv, "--set", "provider=openai").code == 0
    return cli


class TestImport:
    def test_a_file_is_counted_and_a_second_time_adds_nothing(self, cli: Cli, usage_csv: Path) -> None:
        first = cli("import", usage_csv, "--set", "provider=openai", "--format", "json")
        (report,) = first.json["files"]
        assert first.code == 0
        assert (report["rows"], report["accepted"], report["duplicate"]) == (3, 3, 0)
        again = cli("import", usage_csv, "--set", "provider=openai", "--format", "json").json["files"][0]
        assert (again["accepted"], again["duplicate"]) == (0, 3)

    def test_refused_rows_are_told_kept_and_end_in_1(self, cli: Cli, tmp_path: Path) -> None:
        bad = tmp_path / "bad.csv"
        bad.write_text("time,input_tokens\n2026-11-02T10:00:00Z,-1\n2026-11-02T10:00:00Z,1\n")
        ran = cli("import", bad, "--set", "provider=p", "--set", "model=m")
        assert ran.code == 1
        assert "bad.csv, line 2: rejected: /quantities/input_tokens" in ran.err
        assert len((tmp_path / "bad.csv.rejects.jsonl").read_text().splitlines()) == 1
        assert ran.out.split() == ["file", "rows", "accepted", "duplicate", "conflict", "rejected", "events/s",
                                   str(bad), "2", "1", "0", "0", "1", ran.out.split()[-1]]  # fmt: skip

    def test_a_dry_run_sends_nothing_and_shows_the_first_event(self, cli: Cli, usage_csv: Path) -> None:
        ran = cli("import", usage_csv, "--set", "provider=openai", "--dry-run")
        assert ran.code == 0
        assert 'the first event would be {"id":"a"' in ran.err
        assert cli("spend", *NOVEMBER, "--format", "json").json["totals"]["calls"] == 0

    def test_columns_that_nothing_takes_are_named(self, cli: Cli, tmp_path: Path) -> None:
        path = tmp_path / "x.csv"
        path.write_text("time,customer\n2026-11-02T10:00:00Z,acme\n")
        ran = cli("import", path, "--set", "provider=p", "--set", "model=m", "--dry-run")
        assert "ignoring customer" in ran.err

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ((), "FILE"),
            (("none.csv", "--set", "time=x"), "none.csv cannot be read"),
            (("usage.csv",), "nothing says what provider is in usage.csv"),
            (("usage.csv", "--map", "provider=vendor"), "usage.csv has no column 'vendor'"),
            (("usage.csv", "--set", "providr=x"), "did you mean 'provider'"),
            (("usage.csv", "--zone", "Mars"), "'Mars' is not an IANA time zone"),
        ],
    )
    def test_wrong_usage_is_said_in_one_line(
        self, cli: Cli, usage_csv: Path, arguments: tuple[str, ...], message: str
    ) -> None:
        ran = cli("import", *arguments)
        assert ran.code in {1, 2}
        assert message in ran.err
        assert "Traceback" not in ran.err


class TestSpend:
    def test_the_table_marks_what_is_unknown_and_unowned(self, filled: Cli) -> None:
        ran = filled("spend", "--by", "team", *NOVEMBER)
        assert ran.code == 0
        lines = [line.split() for line in ran.out.splitlines()]
        assert lines[0][:3] == ["Spend", "in", "USD,"]
        assert [word for word in lines[2] if word != "0"] == [
            "assistants",
            "0.00765",
            "2",
            "████████████████",
            "100.0%",
        ] or lines[2][0] == "assistants"
        assert ["(unallocated)", "unpriced", "1", "1"] in lines
        assert "1 entries have no price, so true spend is higher" in ran.err

    def test_json_is_the_answer_of_the_api(self, filled: Cli) -> None:
        document = filled("spend", "--by", "app,model", *NOVEMBER, "--format", "json").json
        assert document["currency"] == "USD"
        assert Decimal(document["totals"]["amount"]) == Decimal("0.00765")

    def test_csv_is_for_programs(self, filled: Cli) -> None:
        ran = filled("spend", "--by", "model", "--interval", "day", *NOVEMBER, "--format", "csv")
        rows = list(csv.DictReader(io.StringIO(ran.out)))
        assert [row["model"] for row in rows] == ["gpt-4o", "gpt-4o", "no-such-model"]
        assert Decimal(rows[0]["amount"]) == Decimal("0.00315")
        assert rows[2]["amount"] == ""

    def test_filters_may_begin_with_a_minus(self, filled: Cli) -> None:
        document = filled("spend", "--filter", "-app:chat", *NOVEMBER, "--format", "json").json
        assert document["totals"]["calls"] == 1

    def test_a_question_without_meaning_is_the_apis_answer(self, filled: Cli) -> None:
        ran = filled("spend", "--by", "colour")
        assert ran.code == 2
        assert "colour" in ran.err


class TestExplain:
    def test_it_works_the_amount_out(self, filled: Cli) -> None:
        ran = filled("explain", "a")
        assert ran.code == 0
        told = " ".join(ran.out.split())
        assert "0.00315" in told
        assert "unit quantity USD per 1,000,000 amount in USD because" in told
        assert "input_tokens 1,000 2.25 0.00225 10 % off 2.5; contract price deal" in told
        assert "team assistants app chat" in told
        assert "user (unallocated) nothing says" in told

    def test_what_is_unpriced_says_why(self, filled: Cli) -> None:
        ran = filled("explain", "c")
        assert "unpriced" in ran.out
        assert "no-such-model" in ran.out

    def test_an_unknown_id_is_a_failure(self, filled: Cli) -> None:
        ran = filled("explain", "nothing")
        assert ran.code == 1
        assert ran.err.startswith("outlay: no event 'nothing'")


class TestCatalog:
    def test_a_dry_run_shows_the_difference_and_ends_in_3(self, cli: Cli, catalog_yaml: Path) -> None:
        ran = cli("apply", "-f", catalog_yaml, "--dry-run")
        assert ran.code == 3
        assert "+ team assistants" in ran.out
        assert cli("catalog", "show", "--format", "json").json["version"] == 0

    def test_applying_twice_changes_nothing(self, cli: Cli, catalog_yaml: Path) -> None:
        assert "3 added" in cli("apply", "-f", catalog_yaml).err
        again = cli("apply", "-f", catalog_yaml)
        assert (again.code, again.out) == (0, "")
        assert "no changes" in again.err

    def test_what_is_shown_can_be_applied(self, cli: Cli, catalog_yaml: Path, tmp_path: Path) -> None:
        cli("apply", "-f", catalog_yaml)
        shown = cli("catalog", "show")
        assert yaml.safe_load(shown.out)["teams"] == [{"id": "assistants", "business_unit": "consumer"}]
        copy = tmp_path / "copy.yaml"
        copy.write_text(shown.out)
        assert cli("apply", "-f", copy, "--dry-run").code == 0

    def test_history_says_who_changed_what(self, cli: Cli, catalog_yaml: Path) -> None:
        cli("apply", "-f", catalog_yaml)
        catalog_yaml.write_text("teams: [{id: assistants, business_unit: enterprise}]\n")
        cli("apply", "-f", catalog_yaml)
        ran = cli("catalog", "history")
        assert '    business_unit: "consumer" -> "enterprise"' in ran.out
        assert "version 2" in ran.out.splitlines()[0]

    def test_a_faulty_file_names_every_fault(self, cli: Cli, tmp_path: Path) -> None:
        path = tmp_path / "faulty.yaml"
        path.write_text("teams: [{id: a, colour: red}]\napps: [{id: b, project: none}]\n")
        ran = cli("apply", "-f", path)
        assert ran.code == 2
        assert "colour" in ran.err
        assert "Traceback" not in ran.err

    def test_a_missing_file_is_said(self, cli: Cli) -> None:
        assert cli("apply", "-f", "none.yaml").err == "outlay: none.yaml cannot be read: No such file or directory\n"


class TestKeys:
    def test_a_key_is_made_listed_and_revoked(self, cli: Cli) -> None:
        made = cli("keys", "create", "operations", "--scope", "admin")
        assert made.code == 0
        assert made.out.startswith("out_live_")
        (key,) = cli("keys", "list", "--format", "json").json["data"]
        assert (key["name"], key["scopes"]) == ("operations", ["admin"])
        assert cli("keys", "revoke", key["id"]).out == f"revoked {key['id']}\n"
        assert "no keys" in cli("keys", "list").err

    def test_who_may_open_the_folder_needs_no_key(self, cli: Cli, usage_csv: Path) -> None:
        cli("keys", "create", "operations", "--scope", "admin")
        assert cli("import", usage_csv, "--set", "provider=openai").code == 0

    def test_an_unknown_key_is_a_failure(self, cli: Cli) -> None:
        assert cli("keys", "revoke", "key_none").code == 1


class TestPrices:
    def test_show_prints_rates_with_contracts(self, filled: Cli) -> None:
        ran = filled("prices", "show", "openai/gpt-4o")
        assert ran.code == 0
        assert "input_tokens 2.5 1,000,000 10 % contract deal" in " ".join(ran.out.split())

    def test_show_says_why_there_is_no_price(self, cli: Cli) -> None:
        ran = cli("prices", "show", "openai/no-such-model")
        assert ran.code == 1
        assert "unpriced" in ran.out

    def test_show_wants_a_provider_and_a_model(self, cli: Cli) -> None:
        assert cli("prices", "show", "gpt-4o").code == 2

    def test_check_ends_in_3_when_something_has_no_price(self, filled: Cli) -> None:
        ran = filled("prices", "check", "--period", "last_365_days")
        assert ran.code == 3
        assert "no-such-model" in ran.out
        assert "genai-prices" in ran.out

    def test_diff_shows_what_would_be_priced_otherwise(self, filled: Cli, catalog_yaml: Path) -> None:
        assert filled("prices", "diff", "--period", "last_365_days").code == 0
        catalog_yaml.write_text("prices: [{id: deal, sku: {provider: openai}, discount: 20}]\n")
        filled("apply", "-f", catalog_yaml)
        ran = filled("prices", "diff", "--period", "last_365_days")
        assert ran.code == 3
        assert "2.5 per 1,000,000 less 10 %" in ran.out
        assert "2.5 per 1,000,000 less 20 %" in ran.out


class TestConfig:
    def test_it_shows_what_is_in_force(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OUTLAY_HTTP__PORT", "9000")
        document = cli("config", "show", "--format", "json").json
        assert document["http"]["port"] == 9000
        assert "http.port" in cli("config", "show").out

    def test_every_fault_is_named(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OUTLAY_HTTP__PORT", "many")
        monkeypatch.setenv("OUTLAY_ORG", "!")
        ran = cli("config", "show")
        assert ran.code == 2
        assert "OUTLAY_HTTP__PORT" in ran.err
        assert "OUTLAY_ORG" in ran.err


def test_migrate_says_what_it_applied(cli: Cli) -> None:
    ran = cli("migrate")
    assert ran.code == 0
    assert "is up to date" in ran.out


class TestCheck:
    def test_a_whole_ledger_ends_in_0(self, filled: Cli) -> None:
        ran = filled("check")
        assert ran.code == 0
        assert "every sum agrees" in ran.out
        assert "every one of 3 events is accounted for" in ran.err

    def test_a_wrong_sum_is_shown_ends_in_3_and_is_repaired(self, filled: Cli, warehouse: Warehouse) -> None:
        warehouse.command("ALTER TABLE days DELETE WHERE team = 'assistants' SETTINGS mutations_sync = 2")
        ran = filled("check", "--format", "json")
        assert ran.code == 3
        assert {each["table"] for each in ran.json["check"]["differences"]} == {"days"}
        mended = filled("check", "--repair")
        assert mended.code == 0
        assert "rebuilt partition 202611 of days" in mended.out
        assert filled("check").code == 0
