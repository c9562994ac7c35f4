# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Every check of the audit, in the order of the report. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from ansible_collections.mailfleet.mta.plugins.module_utils import (
    _audit_address,
    _audit_bimi,
    _audit_dkim,
    _audit_dmarc,
    _audit_mx,
    _audit_parked,
    _audit_spf,
    _audit_spf_walk,
    _audit_tls,
    _audit_zone,
)

CHECKS = (
    *_audit_address.CHECKS,
    *_audit_zone.CHECKS,
    *_audit_mx.CHECKS,
    *_audit_spf.CHECKS,
    *_audit_spf_walk.CHECKS,
    *_audit_dkim.CHECKS,
    *_audit_dmarc.CHECKS,
    *_audit_bimi.CHECKS,
    *_audit_tls.CHECKS,
    *_audit_parked.CHECKS,
)
