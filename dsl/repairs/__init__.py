"""Repairs: what a token that does not fit was meant to be.

Each one reports the mistake and gives what to read instead, or None when it does not apply.
"""

from __future__ import annotations

from . import brackets, declarations, fields, foreign, numbers, slips, texts, words
from .situation import Instead, Repair, Situation

REPAIRS: tuple[Repair, ...] = (
    texts.quotes_inside,
    slips.odd_quotes,
    slips.twice,
    slips.nameless,
    texts.unclosed_text,
    foreign.variable,
    foreign.form,
    foreign.cases,
    foreign.word,
    foreign.letter_before_text,
    foreign.another_operator,
    foreign.list_behind_word,
    numbers.currency_apart,
    numbers.other_units,
    texts.wrong_quotes,
    texts.bare_url,
    texts.bare_path,
    numbers.whole_division,
    texts.wrong_comment,
    texts.semicolon,
    texts.single_ampersand,
    numbers.thousands,
    numbers.leading_dot,
    numbers.broken_number,
    numbers.unit_apart,
    texts.unknown_character,
    declarations.import_without_name,
    declarations.misspelt_declaration,
    declarations.field_outside,
    declarations.declaration_inside,
    slips.misspelt_word,
    words.reserved_name,
    words.reserved_value,
    words.dashed_name,
    words.name_from_digit,
    words.word_for_sign,
    words.route_without_strategy,
    fields.equals_before_block,
    fields.equals_before_label,
    fields.swallowed_name,
    fields.wrong_sign,
    fields.missing_value,
    fields.call_alone,
    fields.options_without_braces,
    fields.index,
    brackets.missing_inner_brace,
    fields.missing_sign,
    fields.missing_equals_before_word,
    fields.missing_equals_before_call,
    brackets.missing_block_brace,
    slips.missing_call_bracket_behind,
    fields.name_alone,
    fields.name_above,
    brackets.empty_comma,
    slips.wrong_opener,
    slips.missing_call_bracket,
    brackets.missing_comma,
    brackets.unclosed_bracket,
    brackets.wrong_closer,
    brackets.stray_closer,
    brackets.missing_header_brace,
)
"""In the order in which they are tried."""

__all__ = ["REPAIRS", "Instead", "Repair", "Situation"]
