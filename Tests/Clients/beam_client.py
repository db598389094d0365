"""Apache Beam's WriteToBigTable and BigTableEnrichmentHandler, on the runner in this process.

The writer calls MutateRows alone; the handler reads a row for each element. ReadFromBigtable is
not here: it is Beam's Java transform, which needs a JVM and a download.
"""

import datetime

import checks
from checks import TABLE, finish, need_server, same, section

try:
    import apache_beam as beam
    from apache_beam.io.gcp.bigtableio import WriteToBigTable
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.testing.util import assert_that, equal_to
    from apache_beam.transforms.enrichment import Enrichment
    from apache_beam.transforms.enrichment_handlers.bigtable import BigTableEnrichmentHandler
    from google.cloud import bigtable
    from google.cloud.bigtable.row import DirectRow
except ImportError as error:
    checks.skip(f"apache-beam[gcp] ({error})")

ROWS = 2000
WRITTEN = datetime.datetime(2024, 1, 1)


def key_of(index):
    return f"beam#{index:04}"


def cells_of(index):
    """Of the row: (family, qualifier, value)s, in the server's order."""
    return [("f", b"a" if index % 2 == 0 else b"b", b"yes"),
            ("f", b"n", str(index).encode()), ("g", b"text", b"x" * (index % 300))]


def row_of(index):
    row = DirectRow(key_of(index))
    for family, qualifier, value in cells_of(index):
        row.set_cell(family, qualifier, value, timestamp=WRITTEN)
    return row


def pipeline():
    return beam.Pipeline(runner="DirectRunner", options=PipelineOptions([]))


def write(table):
    with pipeline() as p:
        (p | beam.Create(range(ROWS)) | beam.Reshuffle() | beam.Map(row_of)
         | WriteToBigTable("p", "i", table.table_id, flush_count=300))


def read(table):
    return {
        row.row_key.decode(): [
            (family, qualifier, cell.value) for family, columns in sorted(row.cells.items())
            for qualifier, cells in columns.items() for cell in cells]
        for row in table.read_rows()}


def enriched(table):
    """Elements with what their rows hold."""
    handler = BigTableEnrichmentHandler("p", "i", table.table_id, row_key="key")
    with pipeline() as p:
        found = (p | beam.Create(range(0, ROWS, 40))
                 | beam.Map(lambda index: beam.Row(key=key_of(index), index=index))
                 | Enrichment(handler)
                 | beam.Map(lambda row: (row.index, row.f["n"], row.g["text"])))
        assert_that(found, equal_to([
            (index, str(index), "x" * (index % 300)) for index in range(0, ROWS, 40)]))


def checked(table):
    wanted = {key_of(index): cells_of(index) for index in range(ROWS)}
    same("2,000 rows are written", lambda: write(table), None)
    same("and are there, cell for cell", lambda: read(table), wanted)
    same("written again, they stay as they are",
         lambda: (write(table), read(table))[1], wanted)
    same("elements are enriched with their rows", lambda: enriched(table), None)


def main():
    need_server()
    table = bigtable.Client(project="p", admin=True).instance("i").table(f"{TABLE}-beam")
    table.create(column_families={"f": None, "g": None})
    section("beam", checked, table)
    table.delete()
    finish()


if __name__ == "__main__":
    main()
