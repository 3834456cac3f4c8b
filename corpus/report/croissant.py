"""Write croissant.json: Croissant 1.0 by MLCommons, with its responsible-AI fields (RAI 1.0).

https://docs.mlcommons.org/croissant/docs/croissant-spec.html
https://docs.mlcommons.org/croissant/docs/croissant-rai-spec.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from corpus.report import facts
from corpus.report.funnel import summarize_manifest
from corpus.report.published_plan import PublishedPlan
from corpus.schema import INTERNAL_COLUMNS, POST

#: More shards than this are described by their pattern alone; manifest.json has their hashes.
_MAX_FILES = 1000

#: The vocabulary of the specification, which every document has to repeat.
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
#: Croissant's data types by the beginning of polars' names.
_TYPES = (
    ("Float", "sc:Float"),
    ("UInt", "sc:Integer"),
    ("Int", "sc:Integer"),
    ("Bool", "sc:Boolean"),
    ("Datetime", "sc:DateTime"),
)
_COLUMN_DESCRIPTIONS = {
    "text": "What was written, after redaction",
    "id": "The post's name in this corpus",
    "author": "A keyed pseudonym",
    "community": "Subreddit, channel, board or forum",
    "created_at": "When it was posted, UTC",
    "lang": "Language code, or 'und'",
    "toxicity": "Score for abuse: the share of abusive ones among ordinary posts with such a score",
    "profanity": "Probability that it is vulgar, though it attacks nobody",
}


def render_croissant(
    manifest: Mapping[str, Any], plan: PublishedPlan, statistics: Mapping[str, Any]
) -> str:
    """Return the Croissant document as indented JSON-LD."""
    files = manifest["shards"] if len(manifest["shards"]) <= _MAX_FILES else []
    document = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": [
            "http://mlcommons.org/croissant/1.0",
            "http://mlcommons.org/croissant/RAI/1.0",
        ],
        "name": re.sub(r"[^A-Za-z0-9_-]+", "-", plan.title).strip("-") or "corpus",
        "description": f"{plan.title}. {summarize_manifest(manifest)}.",
        **_describe_dataset(plan, statistics),
        "version": f"1.{len(manifest.get('takedowns', ()))}.0",
        "isLiveDataset": False,
        "distribution": [*(_file_object(shard) for shard in files), _shard_file_set(manifest)],
        "recordSet": [_record_set(manifest, statistics)],
        **_responsible_ai_fields(manifest, plan, statistics),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _describe_dataset(plan: PublishedPlan, statistics: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"keywords": ["social media", "posts", "language modelling"]}
    if licence := plan.output_option("license"):
        spdx = re.fullmatch(r"[A-Za-z0-9.+-]+", licence)
        found["license"] = f"https://spdx.org/licenses/{licence}.html" if spdx else licence
    if contact := plan.output_option("contact"):
        found["publisher"] = {"@type": "Organization", "name": contact}
    if codes := facts.list_language_codes(statistics):
        found["inLanguage"] = codes
    return found


def _file_object(shard: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": shard["path"],
        "name": shard["path"],
        "contentUrl": shard["path"],
        "contentSize": f"{shard['bytes']} B",
        "encodingFormat": "application/x-parquet",
        "sha256": shard["sha256"],
    }


def _shard_file_set(manifest: Mapping[str, Any]) -> dict[str, Any]:
    patterns = [pattern for _, pattern in facts.list_splits(manifest)]
    return {
        "@type": "cr:FileSet",
        "@id": "shards",
        "name": "shards",
        "description": " ".join(
            ["Parquet; 'text' first.", facts.describe_splits(manifest)]
        ).strip(),
        "encodingFormat": "application/x-parquet",
        "includes": patterns[0] if len(patterns) == 1 else patterns,
    }


def _record_set(manifest: Mapping[str, Any], statistics: Mapping[str, Any]) -> dict[str, Any]:
    omitted = {"text", *INTERNAL_COLUMNS, *statistics.get("omitted_columns", ())}
    names = ["text", *(name for name in POST if name not in omitted)]
    fields = {name: str(POST[name]) for name in names} | statistics["columns"]
    return {
        "@type": "cr:RecordSet",
        "@id": "posts",
        "name": "posts",
        "description": facts.describe_documents(manifest),
        "key": {"@id": "posts/id"},
        # A list of records, as 'influence_keys' is, has no data type.
        "field": [_field(name, dtype) for name, dtype in fields.items() if "Struct" not in dtype],
    }


def _field(name: str, dtype: str) -> dict[str, Any]:
    inner = dtype.removeprefix("List(")
    found: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"posts/{name}",
        "name": name,
        "description": _COLUMN_DESCRIPTIONS.get(name, name.replace("_", " ")),
        "dataType": next((ours for start, ours in _TYPES if inner.startswith(start)), "sc:Text"),
        "source": {"fileSet": {"@id": "shards"}, "extract": {"column": name}},
    }
    if inner != dtype:
        found["repeated"] = True
    return found


def _responsible_ai_fields(
    manifest: Mapping[str, Any], plan: PublishedPlan, statistics: Mapping[str, Any]
) -> dict[str, Any]:
    line = statistics["timeline"]
    frame: Sequence[str] = [line["first"], line["last"]] if line["first"] else []
    models = [
        f"{stage}: {name}" for stage, found in manifest.get("models", {}).items() for name in found
    ]
    return {
        "rai:dataCollection": facts.describe_collection(manifest, plan),
        "rai:dataCollectionType": ["Secondary Data Analysis"],
        "rai:dataCollectionRawData": "The dumps are not part of the corpus; manifest.json has "
        "their sizes and hashes.",
        **({"rai:dataCollectionTimeframe": list(frame)} if frame else {}),
        "rai:dataPreprocessingProtocol": facts.describe_processing(manifest),
        "rai:dataManipulationProtocol": facts.describe_thresholds(manifest)
        or ["No threshold was recorded."],
        **({"rai:machineAnnotationTools": models} if models else {}),
        "rai:dataBiases": list(facts.KNOWN_LIMITS[:2]),
        "rai:dataLimitations": list(facts.KNOWN_LIMITS[2:]),
        "rai:dataUseCases": list(facts.INTENDED_USES),
        "rai:dataSocialImpact": "Models trained on posts also learn what is harmful in them; "
        "dropping the most abusive posts reduces this but does not prevent it.",
        "rai:personalSensitiveInformation": [
            facts.describe_personal_data(manifest, plan, statistics)
        ],
        "rai:dataReleaseMaintenancePlan": facts.describe_maintenance(manifest, plan),
        "rai:annotationsPerItem": "no annotations by people",
    }
