# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Generated aggregate reports (RFC 7489), one for each of the last days: dmarc_reports.py DIRECTORY DOMAIN DAYS.

Good mail of two addresses of the lab, some of a stranger, one report twice, one that is no report, and one that would
fill a disk. Python of a sender, no library.
"""

import datetime
import gzip
import sys
from pathlib import Path

OWN = ("198.51.100.21", "2001:db8:100::21")
STRANGER = "203.0.113.77"
BOMB_BYTES = 200 * 1024 * 1024
REPORT = """<?xml version="1.0" encoding="UTF-8"?>
<feedback>
<report_metadata><org_name>Generated</org_name><email>dmarc@generated.example</email><report_id>{day}</report_id>
<date_range><begin>{begin}</begin><end>{end}</end></date_range></report_metadata>
<policy_published><domain>{domain}</domain><adkim>r</adkim><aspf>r</aspf><p>{policy}</p><sp>{policy}</sp><pct>100</pct>
</policy_published>
{records}</feedback>
"""
RECORD = """<record><row><source_ip>{source}</source_ip><count>{count}</count>
<policy_evaluated><disposition>none</disposition><dkim>{result}</dkim><spf>{result}</spf></policy_evaluated></row>
<identifiers><header_from>{domain}</header_from></identifiers>
<auth_results>{dkim}<spf><domain>{envelope}</domain><result>{result}</result></spf></auth_results></record>
"""
DKIM = "<dkim><domain>{domain}</domain><selector>mf1</selector><result>pass</result></dkim>"


def report(domain: str, day: datetime.date, policy: str = "none") -> str:
    begin = int(datetime.datetime(day.year, day.month, day.day, tzinfo=datetime.timezone.utc).timestamp())
    good = {"count": 60, "result": "pass", "dkim": DKIM.format(domain=domain), "envelope": f"bounce.{domain}"}
    bad = {"source": STRANGER, "count": 2, "result": "fail", "dkim": "", "envelope": "spammer.example"}
    rows = [{"source": source, **good} for source in OWN] + [bad]
    records = "".join(RECORD.format(domain=domain, **row) for row in rows)
    return REPORT.format(day=day, begin=begin, end=begin + 86399, domain=domain, policy=policy, records=records)


def main() -> None:
    directory, domain, days = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    today = datetime.datetime.now(datetime.timezone.utc).date()
    for number in range(1, days + 1):
        day = today - datetime.timedelta(days=number)
        (directory / f"generated!{domain}!{day}.xml").write_text(report(domain, day))
    (directory / "again.xml.gz").write_bytes(gzip.compress(report(domain, today - datetime.timedelta(days=1)).encode()))
    (directory / "no_report.xml").write_text("<html>We are sorry</html>")
    (directory / "bomb.xml.gz").write_bytes(gzip.compress(bytes(BOMB_BYTES)))


if __name__ == "__main__":
    main()
