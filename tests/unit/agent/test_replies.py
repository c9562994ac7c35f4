# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Classifying replies: the corpus, folding, and texts that no receiver should send."""

from __future__ import annotations

import collections
import json
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mailfleet import replies, replies_lint, replies_pattern, replies_rules

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "replies"
UNUSUAL = "4.7.28 unusual rate of mail from your DKIM domain"
ABOUT_RECIPIENT = {"invalid-recipient", "inactive", "domain-not-found", "mailbox-full"}


def corpus(name: str) -> list[replies_lint.Labelled]:
    return replies_lint.corpus((FIXTURES / name).read_text("utf-8").splitlines())


# id of the reply -> the class that the rules give it, where it is not the first choice of the corpus.
ARGUABLE = {
    "r0149": "rate-limited",
    "r0325": "server-busy",
    "r0339": "policy-other",
    "r0385": "server-busy",
    "r0644": "auth-failure",
    "r0872": "content-spam",
}


def test_the_corpus() -> None:
    given_class = {reply.name: replies.classify(reply.provider, reply.text).cls for reply in corpus("corpus.jsonl")}
    differences = {
        reply.name: given_class[reply.name] for reply in corpus("corpus.jsonl") if given_class[reply.name] != reply.cls
    }
    assert differences == ARGUABLE


def test_replies_of_other_receivers() -> None:
    known = corpus("recalled.jsonl")
    wrong = [reply for reply in known if not reply.allows(replies.classify(reply.provider, reply.text).cls)]
    assert wrong == []


@pytest.mark.parametrize("name", ["corpus.jsonl", "recalled.jsonl"])
@pytest.mark.parametrize("provider", [None, "other", "gmail", "yahoo", "outlook", "orange"])
def test_no_live_address_is_lost(name: str, provider: str | None) -> None:
    """Also where the reply comes by a provider whose rules are not meant for it."""
    lost = [
        (reply.name, reply.cls, verdict)
        for reply in corpus(name)
        for verdict in [replies.classify(provider, reply.text)]
        if verdict.action == "suppress" and not ABOUT_RECIPIENT & {reply.cls, *reply.accept}
    ]
    assert lost == []


# Each speaks of an unknown, invalid, closed or full something, and none of the recipient.
NOT_THE_RECIPIENT = """
551 Main account unavailable
550 5.7.1 host mail.example.com [192.0.2.1] from unknown TLD
550 your address unknown
550 5.1.0 client address unknown
550 <user@example.org> is not one of our customers, relaying denied
554 No valid recipients
550 previous (cached) callout verification failure
550 5.7.1 Connection refused
550 Invalid from address
550 5.1.0 invalid return address
550 5.7.27 Sender has a null MX
550 5.1.1 refused due to user settings
550 message sending for this account is disabled
554 5.7.1 message refused: no valid recipients
550 Sorry, your server isn't one of the allowed recipients' servers
550 Unknown sender
550 5.7.1 Unknown client host
550 Your IP address is not known here
550 The sender's account has been suspended
550 Sender account is disabled
550 Your account is locked due to spam
550 Message rejected: account of the sender does not exist
550 The sending user does not exist
550 5.7.1 Mail from user at 192.0.2.1 not allowed: unknown IP
550 Envelope sender user unknown
550 5.1.8 user unknown in sender domain
550 Not found in SPF record
550 Reply address does not exist
550 Bounce address invalid
550 No such policy user; message blocked as spam
554 Transaction failed: unknown reason
550 5.7.1 Authentication: no such user
535 5.7.8 Error: authentication failed: user not found
550 Reverse lookup: host not found
550 Certificate subject not found
550 Recipient limit exceeded, user suspended for one hour
550 Mailbox temporarily unavailable, try again later
550 Too many unknown recipients
550 Too many invalid users from your server
554 5.7.1 Mail blocked: user reported as spam
550 Unknown TLD in sender
550 No valid DKIM user
550 Your mailbox name is not allowed to send
550 5.2.0 User has exceeded rate
550 user rate limit exceeded; address blocked
550 Addresses in your message are invalid (phishing URL)
550 account inactive: your subscription expired
550 mail from unknown user rejected
550 Message to recipient blocked
554 Your message to this user was blocked by our filter
550 Mail to this account blocked: too many complaints
550 5.7.0 message to user rejected, sender removed from list
550 Your message to the recipient was deleted by the content scanner
550 Recipient domain has closed its gateway to external senders
550 user has blocked you
550 The account you are sending from was suspended
550 Your mailbox is suspended for outbound abuse
550 sender mailbox disabled
550 recipient has disabled delivery from external senders
550 account: unknown sender
550 mailbox policy: unknown senders not accepted
550 5.7.1 recipient not found in allow list of sender
535 5.7.8 unknown user
550 envelope domain does not exist
550 no such domain in your return path
550 reply-to domain unknown
550 hostname unknown for client
550 link in message points to a domain that does not exist
550 TLS: host name not valid for certificate
552 message to user is not valid MIME
550 your user is unknown
550 abuse@ mailbox not found for your domain
503 5.5.1 No recipients
550 Absenderadresse existiert nicht
550 5.1.1 发件人不存在
550 5.2.1 Mailbox of the sender is over its rate
550 5.7.1 The account that sent this message has been suspended
550 5.7.1 User account disabled for outgoing mail
550 Your mail was blocked because the recipient's filter does not exist
550 Authentication user not found
550 Recipient's mail server rejected this message: unknown reason
550 user complaints: IP disabled
550 Invalid user in SMTP AUTH
550 5.4.6 routing loop: recipient not found after 20 hops
553 5.1.8 unknown mail user in return path
550 SMTP account disabled: unpaid invoice
550 5.7.1 The domain you send from does not exist
554 unknown host 192.0.2.1
553 Invalid numeric domain spec
550 Submission account disabled
550 5.7.1 Your hostname not found
550 User database unavailable
550 Recipient limit closed
450 Recipient's mail server not found
550 HELO host unknown
554 5.7.1 Your account is locked
550 access to this mail server has ended for your IP
550 5.7.1 Subscription of your ISP has expired
550 5.7.1 your access has been terminated, contact abuse desk
554 5.7.1 SMTP access has been cancelled for example.com
550 IP address not registered.
550 IP address not in our database
550 5.7.1 Address unavailable for external senders
550 5.7.1 rejected by this name
550 HELO name or service not known
550 EHLO client name or service not known
550 No mail server for this sender domain
550 No mail server for the client
550 5.7.1 Sending domain is suspended
550 Your domain is not active
550 The sender's domain does not have any MX
550 5.7.1 User cannot receive mail from your server
550 5.7.1 Recipient is unavailable to external senders
550 5.7.1 You sent mail to unknown users too often
550 The From: address has changed since the last message
550 5.7.1 Recipient rejected: your IP has a poor reputation
550 5.7.1 Recipient address rejected: blocked by Example
550 Message rejected, its list address is invalid
"""

# Said of us or of a moment: a 4xx stays one, and neither stops the source nor says anything of the recipient.
FOR_NOW = """
450 4.7.1 Your access has been terminated, contact abuse desk
450 4.7.1 Subscription of your ISP has expired, try later
421 4.7.1 IP address not registered
450 4.2.0 account on hold for payment check
450 4.2.0 mailing of this user is not deliverable at the moment
450 4.2.0 message of the user not yet deleted by the user
451 4.3.0 account by that name is being looked up
450 4.2.0 hesap kapali
421 Service not available, closing connection from 192.0.2.1
450 4.7.0 message from 192.0.2.1 deferred, scanning in progress
451 please come back later, mail from 192.0.2.1 deferred
450 4.7.1 Message from 192.0.2.1 queued for review
451 4.7.1 Temporarily unable to check reputation
451 4.7.1 Barracuda: service unavailable, please retry
421 4.7.0 tarpit: try again
"""


@pytest.mark.parametrize("text", FOR_NOW.split("\n")[1:-1])
def test_what_is_so_for_now_is_tried_again(text: str) -> None:
    verdict = replies.classify(None, text)
    assert (verdict.cls, verdict.action) == ("server-busy", "retry")


@pytest.mark.parametrize(
    ("text", "cls"),
    [
        ("550 5.1.1 Unknown. Your IP is 192.0.2.1", "invalid-recipient"),
        ("550 5.7.1 The message from 192.0.2.1 to the recipient failed a customer rule", "policy-other"),
        ("550 user@example.com: name or service not known", "domain-not-found"),
        ("550 No mail server for this domain", "domain-not-found"),
    ],
)
def test_what_is_about_the_recipient_though_it_names_the_source(text: str, cls: str) -> None:
    assert replies.classify(None, text).cls == cls


@pytest.mark.parametrize("text", NOT_THE_RECIPIENT.split("\n")[1:-1])
def test_what_is_wrong_with_the_sender_costs_no_recipient(text: str) -> None:
    assert replies.classify(None, text).action not in {"suppress", "check-domain"}


def test_every_source_of_the_corpus_is_named() -> None:
    sources = json.loads((FIXTURES / "sources.json").read_text("utf-8"))
    lines = (FIXTURES / "corpus.jsonl").read_text("utf-8").splitlines()
    assert {json.loads(line)["source"] for line in lines} <= set(sources)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        (None, ""),
        ("", ""),
        ("  550\tUser \r\n unknown ", "550 user unknown"),
        ("550-5.1.1 The account does 550-5.1.1 not exist 550 5.1.1 here", "550 5.1.1 the account does not exist here"),
        ("421,one", "421,one"),
        ("550 550 User unknown", "550 user unknown"),
        ("554 5.7.1 554 5.7.1 Spam", "554 5.7.1 spam"),
        ("554-mx.example.com 554 Refused", "554 mx.example.com refused"),
        ("550 5.1.1 <Jane.Doe+x@example.com>: no", "550 5.1.1 <@>: no"),
        ("host mx[192.0.2.1] said: 550 5.1.1 no (in reply to RCPT TO command)", "550 5.1.1 no"),
        ("host mx[192.0.2.1] refused to talk to me: 554 no (in reply to EHLO)", "554 no"),
        ("550 from 192.0.2.77 p22nn000202cat-22", "550 from 0.0.0.0 #"),
        ("550 Empfänger \u201cunbekannt\u201d", '550 empfanger "unbekannt"'),
        ("550 " + "x " * 5000, ("550 " + "x " * 1400)[: replies_pattern.TEXT_LIMIT].rstrip(" ")),
    ],
)
def test_fold(text: str | None, folded: str) -> None:
    assert replies.fold(text).rstrip(" ") == folded


@pytest.mark.parametrize(
    ("provider", "text", "verdict"),
    [
        ("gmail", "", ("server-busy", "none", "retry")),
        ("gmail", None, ("server-busy", "none", "retry")),
        ("no such provider", "550 User unknown", ("invalid-recipient", "recipient-unknown", "suppress")),
        (None, "550 User unknown", ("invalid-recipient", "recipient-unknown", "suppress")),
        # What the receiver calls temporary never costs a recipient at once.
        (None, "450 User unknown", ("invalid-recipient", "recipient-unknown", "suppress-if-repeated")),
        (" GMail ", f"421 {UNUSUAL}", ("rate-limited", "gmail-rate-domain", "stop-domain")),
        ("google", f"421 {UNUSUAL}", ("rate-limited", "gmail-rate-domain", "stop-domain")),
        # A short code counts only with its provider.
        ("godaddy", "550 IB504", ("rate-limited", "godaddy-rate", "slow-source")),
        ("other", "550 IB504", ("policy-other", "code-permanent", "drop")),
        ("other", "999 what is this", ("policy-other", "code-permanent", "drop")),
    ],
)
def test_classify(provider: str | None, text: str | None, verdict: tuple[str, str, str]) -> None:
    assert replies.classify(provider, text) == verdict


@given(
    st.one_of(st.none(), st.text(), st.sampled_from(["gmail", "other"])), st.one_of(st.none(), st.text(max_size=3000))
)
def test_any_text_has_a_class(provider: str | None, text: str | None) -> None:
    verdict = replies.classify(provider, text)
    assert verdict.cls in replies_rules.CLASSES
    assert verdict.action in replies_rules.ACTIONS


RULES = replies_rules.load()
SEARCHES = {
    rule.name: [re.compile(replies_pattern.python(pattern.node)).search for pattern in rule.patterns]
    for rule in RULES.rules
}


def test_the_filter_of_words_hides_no_rule() -> None:
    """A rule that is tried only when its words are there decides as if it were always tried."""
    for reply in corpus("corpus.jsonl") + corpus("recalled.jsonl"):
        text = replies.fold(reply.text)
        concerned = RULES.for_provider(RULES.canonical(reply.provider))
        first = next(rule for rule in concerned if any(search(text) for search in SEARCHES[rule.name]))
        assert replies.classify(reply.provider, reply.text).rule == first.name


def test_hostile_replies_cost_little() -> None:
    """As many words as possible that begin many patterns: 1,000 characters, every pattern tried."""
    begin = collections.Counter(word for rule in RULES.rules for one in rule.patterns for word in one.text.split()[:1])
    words = [word.strip("(^").split("|")[0] for word, _count in begin.most_common(50)]
    texts = [f"550 {word} " * 400 for word in words]
    texts += [f"{word} " + "a" * 1000 for word in words] + ["exceed " * 300, "1" * 3000, "<" * 3000, "@" * 3000]
    for text in map(replies.fold, texts):
        start = time.process_time()
        for searches in SEARCHES.values():
            for search in searches:
                search(text)
        assert time.process_time() - start < 0.5, text[:30]


def test_memory_is_bounded() -> None:
    classify = replies.Classifier(RULES)
    for number in range(3000):
        word = "".join(chr(ord("a") + int(digit)) for digit in f"{number:05}")
        classify("gmail", f"550 {word} unknown")
    rules = classify._rules_for("gmail")
    assert len(rules.judged) <= replies._MEMORY
    assert len(rules.words) <= replies._VOCABULARY_LIMIT
