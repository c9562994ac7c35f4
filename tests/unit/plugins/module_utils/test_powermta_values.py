# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Values as real servers have them and as they go wrong: what is all right, what is doubtful, what is refused."""

from __future__ import annotations

import pytest

from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_check import findings

BLOCKS = {
    "": "{}",
    "domain": "<domain *>\n{}\n</domain>",
    "source": "<source 0/0>\n{}\n</source>",
    "virtual-mta": "<virtual-mta v>\n{}\n</virtual-mta>",
    "acct-file": "<acct-file /a.csv>\n{}\n</acct-file>",
    "pattern-list": "<virtual-mta v>\n</virtual-mta>\n<pattern-list p>\n{}\n</pattern-list>",
    "rewrite-list": "<rewrite-list r>\n{}\n</rewrite-list>",
}
FINE = {
    "": """
        smtp-source-host 192.0.2.0/28 MAIL.Example.COM.
        smtp-source-host [IPv6:2001:db8::1] "mail_1.example.com"
        smtp-listener [::/0]:25
        smtp-listener [2001:db8::1]:25
        smtp-listener ::/0:25
        http-access 127/8 Admin
        http-access 192.0.2.1/24 monitor, deny-logs
        log-file c:\\pmta\\log\\pmta.log
        log-file "c:\\program files\\pmta\\log.txt"
        pickup c:\\pmta\\pickup "c:\\pmta bad"
        domain-key s1.s2 , *.example.com , c:\\pmta\\key.pem
        domain-key {selector}, {domain}, {vault}:/v1/${selector}/${domain}:key
        domain-macro a\t.com,\t[*.]b.example , *.c.example
        relay-address /.*@example\\.com/
        postmaster "o'hara@example.com"
        smtp-server-tls-certificate /c.pem "pass word"
        http-tls-ciphers HIGH:!ADH:@STRENGTH
        include "/etc/pmta/two words.conf"
        alias news@example.com a@example.com,b@example.com
        alias news a@example.com b@example.com
    """,
    "domain": """
        max-msg-rate 5/10min
        max-msg-rate 0
        max-data-volume-rate 10M/5m
        smtp-hosts "[192.0.2.1]:25"
        smtp-hosts h1.example.com, h2.example.com; [2001:db8::1]:2525; lookup-mx:example.com:26
        dkim-headers foo, /ba{1,2}r/
        dkim-headers ""
        remove-header X-A, X-B*
        queue-to {sparkpost}
        queue-to ""
        smtp-pattern-list ""
        backoff-notify ""
        command /usr/bin/x "$from" $to
        auth-password pa"ss word
        http-delivery-url http://localhost:8080/x?y=1
        max-cold-virtual-mta-msg 100/d,0/day
    """,
    "acct-file": """
        record-fields d,b *, header_X-Job_Id, !rcpt
        map-header-to-field feedback-loop header_X-HmXmrOriginalRecipient rcpt
        queue-filter a.example/v1,![*.]b.example/*,{bounce}
        move-to "/x y"
    """,
    "pattern-list": """
        header From /@example\\.com>"?$/ virtual-mta=v
        mail-from /x/ virtual-mta={default}
    """,
    "rewrite-list": """
        mail-from *@a.example *@*.b.example
        mail-from "" a@b.example
    """,
}
DOUBTFUL = {
    "": """
        smtp-source-host 192.0.2.1 [192.0.2.1]
        domain-key s,x.example,{vault}:/v1/key
        domain-macro a x.example,
        postmaster root
        relay-domain {domain}
        relay-domain 192.0.2.1
        include c:\\pmta\\hosts.txt
        http-tls-ciphers HIGH !ADH @STRENGTH
    """,
    "domain": """
        max-cold-virtual-mta-msg 0
        dkim-identity 192.0.2.1
        queue-to {other}
    """,
    "source": """
        default-virtual-mta ""
    """,
}
REFUSED = {
    "": """
        smtp-source-host 192.0.2.1 300.1.1.1
        log-file '/var/log/pmta'
        log-file /var/log/pmta;
        log-file /var/log/pmta"
        domain-key s,x.example,/k;
        domain-key s,x.example,/k"
        domain-macro a x.example,,
        domain-macro a ,
        postmaster a@b.example;
        postmaster 'a@b.example'
        host-name ""
        relay-domain ""
        http-mgmt-source ""
        total-max-smtp-out ""
        enable-signals <some>
        alias a b {
        alias = a b
        alias a b,
        pickup /a /b;
        http-tls-ciphers HIGH {
        http-tls-ciphers = HIGH
        http-tls-ciphers "HIGH
        http-tls-ciphers HIGH,
        http-tls-ciphers HIGH  ,
        include two words.conf
        include /etc/pmta/a.conf;
        include 'a.conf'
        include /etc/pmta/conf.d/
    """,
    "domain": """
        backoff-to-normal-after ""
        max-msg-per-connection ""
        max-data-volume-rate ""
        max-cold-virtual-mta-msg ""
        bounce-upon-no-mx ""
        retry-after ""
        backoff-notify a@b.example,
        backoff-notify a@b.example,,c@d.example
        queue-to *
        queue-to *.example.com
        dkim-identity *
        remove-header "X-A
        remove-header X-A"
        remove-header X-A;
        remove-header ,X-A
        http-delivery-url http://h.example/"
        http-delivery-url http://h.example/;
        smtp-pattern-list \u201cbusy\u201d
    """,
    "source": """
        jobid-header X-Job"
        jobid-header X-Job;
        max-message-size ""
    """,
    "acct-file": """
        map-header-to-field f header_ rcpt
        map-header-to-field f header_X rcpt,
        queue-filter a.example/v1/v2
        queue-filter a.example/v1"
        move-to /x,
    """,
    "pattern-list": """
        header ,X-A /a/ virtual-mta=v
        header "X-A /a/ virtual-mta=v
        mail-from /x/ virtual-mta={nobody}
    """,
    "rewrite-list": """
        mail-from a@a.example b@b.example;
    """,
}


REMEDIES = [
    ("domain", "max-msg-rate 100/hour", "Write 100/h."),
    ("domain", "max-msg-rate 5 / 10minutes", "Keep 5."),
    ("domain", "max-connect-rate 5 /h", "Write 5/h."),
    ("domain", "retry-after 10mins", "Write 10m."),
    ("domain", "bounce-after 4d 12h", "Write 4d12h."),
    ("domain", "bounce-after 2days", "Write 2d."),
    ("domain", "max-smtp-out 5 6", "Keep 5."),
    ("domain", "file-destination /two words", "Put the whole into double quotes."),
    ("domain", "use-tls yes", "Did you mean use-starttls?"),
    ("domain", "dkim-selector s", "Did you mean domain-key SELECTOR,DOMAIN,FILE?"),
    ("source", "max-message-size 10MB", "Write 10M."),
    ("", "name-server 192.0.2.1 192.0.2.2", "Write a line for each."),
]


def levels(scope: str, line: str) -> set[str]:
    return {found.level for found in findings(BLOCKS[scope].format(line))}


def cases(table: dict[str, str]) -> list[tuple[str, str]]:
    return [
        (scope, line.strip())
        for scope, lines in table.items()
        for line in lines.strip("\n").split("\n")
        if line.strip()
    ]


@pytest.mark.parametrize(("scope", "line", "remedy"), REMEDIES)
def test_remedies(scope: str, line: str, remedy: str) -> None:
    assert [found.message.endswith(remedy) for found in findings(BLOCKS[scope].format(line))] == [True]


@pytest.mark.parametrize(("scope", "line"), cases(FINE))
def test_fine(scope: str, line: str) -> None:
    assert "error" not in levels(scope, line)


@pytest.mark.parametrize(("scope", "line"), cases(DOUBTFUL))
def test_doubtful(scope: str, line: str) -> None:
    assert levels(scope, line) == {"warning"}


@pytest.mark.parametrize(("scope", "line"), cases(REFUSED))
def test_refused(scope: str, line: str) -> None:
    assert "error" in levels(scope, line)
