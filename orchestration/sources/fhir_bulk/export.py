"""One export from the question to its files: taken up where an earlier pull stopped, else asked for anew."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from orchestration.errors import SourceError
from orchestration.settings_fhir_bulk import FhirBulkSource
from orchestration.sources.fhir_bulk.download import AddressExpired, download_all, outcomes, still_there
from orchestration.sources.fhir_bulk.kept import EXPORTS, Asked, Export, KeptExports, KeptFile, UnderWay
from orchestration.sources.fhir_bulk.kickoff import start
from orchestration.sources.fhir_bulk.manifest import Manifest, read_manifest
from orchestration.sources.fhir_bulk.negotiation import negotiate
from orchestration.sources.fhir_bulk.outcomes import in_words
from orchestration.sources.fhir_bulk.polling import Failed, Gone, Troubled, wait_for_manifest
from orchestration.sources.fhir_bulk.transport import Call, Transport

# How often an export that the server lost is asked for anew within one pull.
_MOST_RESTARTS = 2
# In so many pulls the server may refuse to say how an export stands before it is taken for failed.
_MOST_TROUBLED = 3


@dataclass(frozen=True)
class Exporter:
    """Brings one export of `source` into `kept`, which must be locked."""

    source: FhirBulkSource
    kept: KeptExports
    transport: Transport
    progress: Callable[[str], None]

    def run(self) -> None:
        """Complete one export. Raises SourceError; what was downloaded by then stays for the next pull."""
        asked = self._asked()
        state = self._taken_up(asked)
        for _ in range(_MOST_RESTARTS + 1):
            state = state or self._started(asked)
            try:
                self._complete(state)
                return
            except Gone:
                self.progress("warning: the server does not know the export any more; asking for a new one")
                self.kept.drop()
                state = None
            except Failed:
                self._give_up(state)
                raise
            except Troubled:
                state = (self.kept.under_way() or state).model_copy(update={"troubled": state.troubled + 1})
                if state.troubled < _MOST_TROUBLED:
                    self.kept.save(state)
                else:
                    self._give_up(state)
                raise
        raise SourceError(
            "the server keeps an export until it is downloaded",
            where=f"source {self.source.name}",
            found=f"it lost {_MOST_RESTARTS + 1} in a row",
            remedy="ask those who run the server how long it keeps them",
        )

    def clear_up(self) -> None:
        """Tell the server which exports it need not keep. It may refuse: they expire by themselves."""
        for url in self.kept.to_delete():
            call = Call("the export's status (DELETE)", url, method="DELETE", accept="application/fhir+json")
            try:
                status = self.transport.send(call).status_code
            except SourceError:
                self.progress("warning: the server was not told that it may delete the export; the next pull does")
                return
            if status >= 400 and status not in (404, 405, 410, 501):
                self.progress(f"warning: the server does not delete the export (HTTP {status}); it expires by itself")
            self.kept.deleted(url)

    def _asked(self) -> Asked:
        asked = Asked(
            base_url=self.source.base_url,
            level=self.source.level,
            group_id=self.source.group_id,
            types=tuple(sorted(self.source.types)),
            type_filters=tuple(sorted(self.source.type_filters)),
        )
        exports = self.kept.exports()
        if not exports or self.source.mode == "full":
            return asked
        if not exports[-1].asked.same_but_since(asked):
            self.progress("warning: something else is asked for than last time, so that everything is exported anew")
            return asked
        if self.source.full_every_days is not None:
            full = dt.datetime.fromisoformat(last_full(exports)[0].transaction_time)
            if self.transport.clock.now() - full >= dt.timedelta(days=self.source.full_every_days):
                self.progress(f"everything is exported anew after {self.source.full_every_days} days")
                return asked
        return asked.model_copy(update={"since": exports[-1].transaction_time})

    def _taken_up(self, asked: Asked) -> UnderWay | None:
        state = self.kept.under_way()
        if state is None:
            self.kept.drop()
            return None
        everything_now = asked.since is None and state.asked.since is not None
        if everything_now or not state.asked.same_but_since(asked):
            self.progress("warning: an unfinished export is about something else, so that it is given up")
            self._give_up(state)
            return None
        self.progress(f"going on with the export asked for at {state.started_at:%Y-%m-%d %H:%M} UTC")
        return state

    def _give_up(self, state: UnderWay) -> None:
        self.kept.delete_later(state.status_url)
        self.kept.drop()
        self.clear_up()

    def _started(self, asked: Asked) -> UnderWay:
        what = f"what changed since {asked.since}" if asked.since else "everything"
        self.progress(f"asking for an export of {what}")
        started = start(self.transport, self.source, negotiate(self.transport, self.source), asked.since)
        state = UnderWay(
            asked=asked, version=started.version, status_url=started.status_url, started_at=self.transport.clock.now()
        )
        self.kept.save(state)
        return state

    def _complete(self, state: UnderWay) -> None:
        have = still_there(self.kept.files_dir, state.files)
        for is_last in (False, True):
            manifest = self._manifest(state)
            if manifest.transaction_time != state.transaction_time:
                have = ()
            found = {"transaction_time": manifest.transaction_time, "files": have, "troubled": 0}
            state = state.model_copy(update=found)
            self.kept.save(state)
            try:
                state = self._downloaded(state, manifest)
                break
            except AddressExpired:
                have = still_there(self.kept.files_dir, (self.kept.under_way() or state).files)
                if is_last:
                    raise SourceError(
                        "the addresses of an export's files are good until they are downloaded",
                        where=f"source {self.source.name}",
                        found="they are refused, those of a newly read manifest too",
                        remedy="pull again; if it stays so, ask those who run the server",
                    ) from None
        self._judge(state)

    def _manifest(self, state: UnderWay) -> Manifest:
        hours = dt.timedelta(hours=self.source.longest_pull_hours)
        answer = wait_for_manifest(self.transport, state.status_url, state.started_at, hours, self.progress)
        return read_manifest(self.transport, answer)

    def _downloaded(self, state: UnderWay, manifest: Manifest) -> UnderWay:
        def keep(files: tuple[KeptFile, ...]) -> None:
            self.kept.save(state.model_copy(update={"files": files}))

        files = download_all(self.transport, manifest, self.kept.files_dir, state.files, keep, self.progress)
        state = state.model_copy(update={"files": files})
        self.kept.save(state)
        return state

    def _judge(self, state: UnderWay) -> None:
        """Say what the server could not export; refuse it where the settings say so, and what is fatal always.

        An export of everything without a single patient is refused too: what comes later would build on nothing.
        """
        if state.asked.since is None and not any(f.resource_type == "Patient" and f.lines for f in state.files):
            raise Failed(
                "an export of everything has patients",
                where=f"source {self.source.name}",
                found="none",
                remedy="see that the Group has members, `types` has Patient, and the client may read them",
            )
        found = outcomes(self.kept.files_dir, state.files)
        grave = {issue: n for issue, n in found.items() if issue[0] not in ("warning", "information", "success")}
        refused = self.source.on_server_errors == "refuse" or any(severity == "fatal" for severity, _ in grave)
        if grave and refused:
            raise Failed(
                "the server exports everything that was asked for",
                where=f"source {self.source.name}",
                found=f"its own report says: {in_words(found.elements())}",
                remedy='ask those who run the server; on_server_errors = "warn" takes over what there is '
                "unless it is fatal",
            )
        if grave:
            self.progress(f"warning: the server could not export everything: {in_words(found.elements())}")
        counts = {f"{severity}/{code}": number for (severity, code), number in sorted(found.items())}
        self.kept.complete(state, self.transport.clock.now(), counts)


def last_full(exports: list[Export]) -> list[Export]:
    """The last export of everything and those that followed it: together they are what the server holds."""
    full = [number for number, export in enumerate(exports) if export.asked.since is None]
    if not full:
        raise SourceError(
            "kept exports begin with one of everything",
            where=EXPORTS,
            found="only what changed later",
            remedy='put the earlier folders back, or delete `_exports` and pull with mode = "full"',
        )
    return exports[full[-1] :]
