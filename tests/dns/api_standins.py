# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Stand-ins for the APIs of DNS providers, which tests cannot reach: they keep one zone, in the providers' documented
shapes, and know only what octoDNS asks. They prove that each provider class is driven rightly, not that the
provider's service behaves so; a real API is asked in test_powerdns.py.
"""

from __future__ import annotations

import itertools
import json
import re
import threading
import xml.etree.ElementTree as ET
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests_mock
from requests_mock import ANY

ZONE = "example.com"


def full(name):
    return f"{name}.{ZONE}" if name else ZONE


def relative(name):
    return name.rstrip(".")[: -len(ZONE)].rstrip(".")


class StandIn:
    """`rows` are {id, name (relative), type, ttl, value}, values as the provider spells them."""

    provider = ""
    settings: dict[str, object] = {}
    environment: dict[str, str] = {}
    secret = "s3cret-of-the-test"

    def __init__(self):
        self.numbers = itertools.count(1)
        self.rows = []
        self.writes = []
        self.fault = lambda method, path: None  # a status that answers instead

    def add(self, name, rdtype, value, ttl=300, **more):
        row = {"id": str(next(self.numbers)), "name": name, "type": rdtype, "ttl": ttl, "value": value, **more}
        self.rows.append(row)
        return row

    def remove(self, number):
        self.rows = [row for row in self.rows if row["id"] != str(number)]

    def values(self, name, rdtype):
        """As the DNS shows them: TXT strings joined."""
        own = [row["value"] for row in self.rows if (row["name"], row["type"]) == (name, rdtype)]
        return sorted(text.strip('"').replace('" "', "") if rdtype == "TXT" else text for text in own)

    def quoted(self, text):
        return f'"{text}"'

    def __enter__(self):
        self.mocker = requests_mock.Mocker()
        self.mocker.start()
        self.mocker.register_uri(ANY, re.compile(".*"), text=self._answer)
        return self

    def __exit__(self, *_exc):
        self.mocker.stop()

    def _answer(self, request, context):
        path, body = request.path, request.json() if request.text else {}
        fault = self.fault(request.method, path)
        if fault:
            context.status_code = fault
            return json.dumps({"errors": [{"message": "as the test wants it"}], "message": "as the test wants it"})
        if request.method != "GET":
            self.writes.append((request.method, path))
        return json.dumps(self.answer(request.method, path, body, request.qs))


class Cloudflare(StandIn):
    provider = "cloudflare"
    settings = {"token": StandIn.secret, "retry_period": 0}

    def answer(self, method, path, body, query):
        path = path.removeprefix("/client/v4")
        if path == "/zones":
            zone = {"id": "z1", "name": ZONE, "plan": {}, "name_servers": ["ns.cloudflare.test"]}
            return self.page([zone])
        number = path.removeprefix("/zones/z1/dns_records").lstrip("/")
        if method == "GET":
            return self.page([self.shown(row) for row in self.rows])
        if method == "DELETE":
            self.remove(number)
            return {"result": {}}
        if method == "PUT":
            self.remove(number)
        value = f"{body['priority']} {body['content']}" if body["type"] == "MX" else body["content"]
        return {"result": self.shown(self.add(relative(body["name"]), body["type"], value, body["ttl"]))}

    def page(self, result):
        return {"result": result, "result_info": {"count": len(result), "per_page": 1000}}

    def shown(self, row):
        own = {"id": row["id"], "zone_id": "z1", "name": full(row["name"]), "type": row["type"], "ttl": row["ttl"]}
        if row["type"] == "MX":
            priority, host = row["value"].split()
            return {**own, "priority": int(priority), "content": host.rstrip(".")}
        return {**own, "content": row["value"], "proxied": row.get("proxied", False)}


class Hetzner(StandIn):
    provider = "hetzner"
    settings = {"token": StandIn.secret}
    lag = 0  # so many reads after a write still show the zone as it was

    def __init__(self):
        super().__init__()
        self.old, self.stale = [], 0

    def answer(self, method, path, body, query):
        path = path.removeprefix("/v1/zones").lstrip("/")
        if method != "GET" and self.lag:
            self.old, self.stale = (self.old if self.stale else list(self.rows)), self.lag
        zone = {"id": 7, "name": ZONE, "ttl": 3600, "mode": "primary", "status": "ok", "primary_nameservers": []}
        if path == "":
            return self.page({"zones": [zone]})
        if path in ("7", ZONE):
            return {"zone": zone}
        if path in ("7/rrsets", f"{ZONE}/rrsets"):
            if method == "POST":
                self.set(body["name"], body["type"], body["records"], body["ttl"])
                return {"action": self.action(), "rrset": self.shown(body["name"], body["type"])}
            rows = self.old if self.stale else self.rows
            self.stale = max(0, self.stale - 1)
            keys = dict.fromkeys((row["name"] or "@", row["type"]) for row in rows)
            return self.page({"rrsets": [self.shown(*key, rows) for key in keys]})
        _zone, _rrsets, name, rdtype, *action = path.split("/")
        rdtype = rdtype.upper()
        old = [row for row in self.rows if (row["name"] or "@", row["type"]) == (name, rdtype)]
        if method == "DELETE":
            self.set(name, rdtype, [], 0)
        elif action[-1] == "set_records":
            self.set(name, rdtype, body["records"], old[0]["ttl"])
        elif action[-1] == "change_ttl":
            self.set(name, rdtype, [{"value": row["value"]} for row in old], body["ttl"])
        return {"action": self.action()}

    def set(self, name, rdtype, records, ttl):
        self.rows = [row for row in self.rows if (row["name"] or "@", row["type"]) != (name, rdtype)]
        for record in records:
            self.add("" if name == "@" else name, rdtype, record["value"], ttl)

    def shown(self, name, rdtype, rows=None):
        rows = self.rows if rows is None else rows
        own = [row for row in rows if (row["name"] or "@", row["type"]) == (name, rdtype)]
        records = [{"value": row["value"], "comment": ""} for row in own]
        return {"id": f"{name}/{rdtype}", "name": name, "type": rdtype, "ttl": own[0]["ttl"], "records": records,
                "zone": 7, "labels": {}, "protection": {"change": False}}  # fmt: skip

    def page(self, body):
        pages = {"page": 1, "per_page": 100, "previous_page": None, "next_page": None, "last_page": 1}
        return {**body, "meta": {"pagination": {**pages, "total_entries": 1}}}

    def action(self):
        return {"id": 1, "command": "x", "status": "success", "progress": 100, "resources": [], "error": None}


class Ovh(StandIn):
    provider = "ovh"
    settings = {"application_key": "app", "application_secret": StandIn.secret, "consumer_key": StandIn.secret}

    def answer(self, method, path, body, query):
        path = path.removeprefix("/1.0")
        if path == "/auth/time":
            return 1_700_000_000
        if path == f"/domain/zone/{ZONE}/refresh":
            return None
        number = path.removeprefix(f"/domain/zone/{ZONE}/record").lstrip("/")
        if method == "POST":
            return {"id": self.add(body["subDomain"], body["fieldType"], body["target"], body["ttl"])["id"]}
        if method == "DELETE":
            self.remove(number)
            return None
        if number:
            row = next(row for row in self.rows if row["id"] == number)
            return {"id": row["id"], "zone": ZONE, "subDomain": row["name"], "fieldType": row["type"],
                    "target": row["value"], "ttl": row["ttl"]}  # fmt: skip
        wanted = {"type": query.get("fieldtype"), "name": query.get("subdomain")}
        return [
            row["id"]
            for row in self.rows
            if all(value is None or row[key].lower() == value[0] for key, value in wanted.items())
        ]

    def quoted(self, text):
        return text

    def values(self, name, rdtype):
        """DKIM is a type of its own at OVH and TXT in the DNS."""
        kinds = ("TXT", "DKIM", "SPF") if rdtype == "TXT" else (rdtype,)
        return sorted(value for kind in kinds for value in super(Ovh, self).values(name, kind))


_XMLNS = "https://route53.amazonaws.com/doc/2013-04-01/"


class Route53(StandIn):
    """Speaks XML over a real socket, because botocore has no requests underneath."""

    provider = "route53"
    settings = {"access_key_id": "AKIATEST", "secret_access_key": StandIn.secret, "client_max_attempts": 1}

    def __enter__(self):
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_args):
                pass

            def do_GET(self):
                outer.respond(self)

            do_POST = do_GET  # noqa: N815

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_exc):
        self.server.shutdown()
        self.server.server_close()

    @property
    def environment(self):
        url = f"http://127.0.0.1:{self.server.server_address[1]}"
        return {"AWS_ENDPOINT_URL_ROUTE_53": url, "AWS_DEFAULT_REGION": "us-east-1"}

    def values(self, name, rdtype):
        """In zone file spelling, where a semicolon may have a backslash."""
        return [value.replace("\\;", ";") for value in super().values(name, rdtype)]

    def respond(self, request):
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        status = self.fault(request.command, request.path)
        text = f"<ErrorResponse xmlns='{_XMLNS}'><Error><Code>Throttling</Code></Error></ErrorResponse>"
        if not status:
            status, text = 200, self.xml(request.command, request.path, body)
        request.send_response(status)
        request.send_header("Content-Length", str(len(text)))
        request.end_headers()
        request.wfile.write(text.encode())

    def xml(self, method, path, body):
        if method == "POST":
            self.writes.append((method, path))
            self.change(ET.fromstring(body))
            info = "<Id>/change/C1</Id><Status>PENDING</Status><SubmittedAt>2026-01-01T00:00:00Z</SubmittedAt>"
            return (
                f"<ChangeResourceRecordSetsResponse xmlns='{_XMLNS}'><ChangeInfo>{info}</ChangeInfo>"
                "</ChangeResourceRecordSetsResponse>"
            )
        if "rrset" in path:
            keys = dict.fromkeys((row["name"], row["type"]) for row in self.rows)
            sets = "".join(self.shown(*key) for key in keys)
            return (
                f"<ListResourceRecordSetsResponse xmlns='{_XMLNS}'><ResourceRecordSets>{sets}</ResourceRecordSets>"
                "<IsTruncated>false</IsTruncated><MaxItems>300</MaxItems></ListResourceRecordSetsResponse>"
            )
        zone = (
            f"<HostedZone><Id>/hostedzone/Z1</Id><Name>{ZONE}.</Name><CallerReference>x</CallerReference></HostedZone>"
        )
        return (
            f"<ListHostedZonesResponse xmlns='{_XMLNS}'><HostedZones>{zone}</HostedZones><Marker></Marker>"
            "<IsTruncated>false</IsTruncated><MaxItems>100</MaxItems></ListHostedZonesResponse>"
        )

    def shown(self, name, rdtype):
        own = [row for row in self.rows if (row["name"], row["type"]) == (name, rdtype)]
        values = "".join(f"<ResourceRecord><Value>{row['value']}</Value></ResourceRecord>" for row in own)
        return (
            f"<ResourceRecordSet><Name>{full(name)}.</Name><Type>{rdtype}</Type><TTL>{own[0]['ttl']}</TTL>"
            f"<ResourceRecords>{values}</ResourceRecords></ResourceRecordSet>"
        )

    def change(self, batch):
        space = {"r": _XMLNS}
        for change in batch.iterfind(".//r:Change", space):
            name = relative(change.findtext(".//r:Name", "", space))
            rdtype, ttl = change.findtext(".//r:Type", "", space), change.findtext(".//r:TTL", "0", space)
            self.rows = [row for row in self.rows if (row["name"], row["type"]) != (name, rdtype)]
            if change.findtext("r:Action", "", space) != "DELETE":
                for value in change.iterfind(".//r:Value", space):
                    self.add(name, rdtype, value.text, int(ttl))


STANDINS = (Cloudflare, Hetzner, Ovh, Route53)
