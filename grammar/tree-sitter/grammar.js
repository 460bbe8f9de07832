// The grammar of `.infer` files for Tree-sitter.
// Made by scripts/build_grammars.py from grammar/infer.lark: change that.

module.exports = grammar({
  name: "infer",
  word: ($) => $.identifier,
  extras: ($) => [/[ \t\r\n\f\uFEFF]/, $.doc_comment, $.comment],
  rules: {
    source_file: ($) => optional($._declarations),

    _declarations: ($) => seq(optional($._declarations), $._declaration),

    _declaration: ($) => choice($.import_as, $.import_names, $.param, $.param_default, $.param_untyped, $.let, $.let_typed, $.template, $.template_from, $.deployment, $.deployment_from, $.route, $.route_with, $.pipeline, $.type_alias, $.extern, $.cluster, $.gateway, $.test),

    _name: ($) => choice($.identifier, $.string),

    _names: ($) => choice($._name, seq($._names, ",", $._name), seq($._names, ",")),

    _refs: ($) => choice($._ref, seq($._refs, ",", $._ref)),

    _ref: ($) => choice($.identifier, $.string, $.member),

    _items: ($) => choice(seq(optional($._items), $._item), seq(optional($._items), ",")),

    _item: ($) => choice($.field, $.block, $.block_labelled, $.block_called),

    _route: ($) => choice($._plain_route, $.route_list_with, $.route_split_with),

    _plain_route: ($) => choice($._ref, $.route_list, $.route_split),

    _routes: ($) => choice($._route, seq($._routes, ",", $._route), seq($._routes, ",")),

    _shares: ($) => choice(seq(optional($._shares), $.share), seq(optional($._shares), ",")),

    _parameters: ($) => choice(seq(optional($._parameters), $._parameter), seq(optional($._parameters), ",")),

    _parameter: ($) => choice($.parameter, $.parameter_with),

    _steps: ($) => choice(seq(optional($._steps), $._step), seq(optional($._steps), ",")),

    _step: ($) => choice($.step, $.block, $.return_step),

    _statements: ($) => choice(seq(optional($._statements), $._statement), seq(optional($._statements), ",")),

    _statement: ($) => choice($.statement, $.ask, $.ask_with, $.scene),

    _phrases: ($) => choice(seq(optional($._phrases), ","), $.phrases_add),

    _phrase: ($) => choice($._ref, $.number, "~", "for", "from", $.phrase_block, $.phrase_with, $.phrase_value),

    _type: ($) => choice($._type_one, $.type_union),

    _type_one: ($) => choice($.type_name, $.type_imported, $.type_generic, $.type_literal, $.type_record, $.type_optional),

    _type_arguments: ($) => choice($._type_argument, seq($._type_arguments, ",", $._type_argument)),

    _type_argument: ($) => choice($._type, $.type_dimensions),

    _dimensions: ($) => choice(seq(optional($._dimensions), $.identifier), seq(optional($._dimensions), $.number), seq(optional($._dimensions), "?"), seq(optional($._dimensions), ",")),

    _record_fields: ($) => choice(seq(optional($._record_fields), $.record_field), seq(optional($._record_fields), ",")),

    _expr: ($) => choice($._operand, $.binary),

    _operand: ($) => choice($._atom, $.unary),

    _atom: ($) => choice($.number, $.string, "true", "false", $.identifier, alias($.atom_member, $.member), $.index, $.call, $.with_options, $.as_type, $.list, $.comprehension, $.group, $.prompt, $.match, $.if_else),

    _elements: ($) => choice($._expr_list, seq($._expr_list, ",")),

    _expr_list: ($) => choice($._expr, seq($._expr_list, ",", $._expr)),

    _arguments: ($) => choice($._argument_list, seq($._argument_list, ",")),

    _argument_list: ($) => choice($._argument, seq($._argument_list, ",", $._argument)),

    _argument: ($) => choice($._expr, $.named_argument),

    _indices: ($) => choice($._index_list, seq($._index_list, ",")),

    _index_list: ($) => choice($._index, seq($._index_list, ",", $._index)),

    _index: ($) => choice($._expr, $.slice_all, $.slice_from, $.slice_to, $.slice),

    _arms: ($) => choice(seq(optional($._arms), $.arm), seq(optional($._arms), ",")),

    _pattern: ($) => choice($._pattern_one, seq($._pattern, "|", $._pattern_one)),

    _pattern_one: ($) => choice($.string, $.number, "true", "false", $.identifier),

    import_as: ($) => seq("import", $.string, "as", $.identifier),

    import_names: ($) => seq("import", "{", $._names, "}", "from", $.string),

    param: ($) => seq("param", field("name", $.identifier), ":", $._type),

    param_default: ($) => seq("param", field("name", $.identifier), ":", $._type, "=", $._expr),

    param_untyped: ($) => seq("param", field("name", $.identifier), "=", $._expr),

    let: ($) => seq("let", field("name", $.identifier), "=", $._expr),

    let_typed: ($) => seq("let", field("name", $.identifier), ":", $._type, "=", $._expr),

    template: ($) => seq("template", field("name", $._name), $.body),

    template_from: ($) => seq("template", field("name", $._name), "from", $._refs, $.body),

    deployment: ($) => seq("deployment", field("name", $._name), $.body),

    deployment_from: ($) => seq("deployment", field("name", $._name), "from", $._refs, $.body),

    route: ($) => seq("route", field("name", $._name), "=", $._route),

    route_with: ($) => seq("route", field("name", $._name), "=", $._plain_route, "with", $.body),

    pipeline: ($) => seq("pipeline", field("name", $._name), "(", optional($._parameters), ")", "->", $._type, "{", optional($._steps), "}"),

    type_alias: ($) => seq("type", field("name", $.identifier), "=", $._type),

    extern: ($) => seq("extern", field("name", $.identifier), "(", optional($._parameters), ")", "->", $._type, "=", $._expr),

    cluster: ($) => seq("cluster", $.body),

    gateway: ($) => seq("gateway", $.body),

    test: ($) => seq("test", $.string, "{", optional($._statements), "}"),

    member: ($) => seq($._ref, ".", $._name),

    body: ($) => seq("{", optional($._items), "}"),

    field: ($) => seq(field("name", $._name), "=", $._expr),

    block: ($) => seq(field("name", $.identifier), $.body),

    block_labelled: ($) => seq(field("name", $.identifier), $._name, $.body),

    block_called: ($) => seq(field("name", $.identifier), $.identifier, "(", optional($._arguments), ")", $.body),

    route_list_with: ($) => seq($.identifier, "[", $._routes, "]", $.identifier, $._expr),

    route_split_with: ($) => seq($.identifier, "{", optional($._shares), "}", $.identifier, $._expr),

    route_list: ($) => seq($.identifier, "[", $._routes, "]"),

    route_split: ($) => seq($.identifier, "{", optional($._shares), "}"),

    share: ($) => seq(field("name", $._ref), ":", $._expr),

    parameter: ($) => seq(field("name", $.identifier), ":", $._type),

    parameter_with: ($) => seq(field("name", $.identifier), ":", $._type, "with", $.body),

    step: ($) => seq(field("name", $.identifier), "=", $._expr),

    return_step: ($) => seq("return", $._expr),

    statement: ($) => seq($.identifier, $._expr),

    ask: ($) => seq($.identifier, $._atom, $.string),

    ask_with: ($) => seq($.identifier, $._atom, $.string, "with", $.body),

    scene: ($) => seq($.identifier, "{", optional($._phrases), "}"),

    phrases_add: ($) => seq(optional($._phrases), $._phrase),

    phrase_block: ($) => seq($._ref, "{", optional($._phrases), "}"),

    phrase_with: ($) => seq($._ref, "with", $.identifier),

    phrase_value: ($) => choice(seq($._ref, "=", $._expr), seq("prompt", "=", $._expr)),

    type_union: ($) => seq($._type, "|", $._type_one),

    type_name: ($) => $.identifier,

    type_imported: ($) => seq($.identifier, ".", $.identifier),

    type_generic: ($) => seq($.identifier, "<", $._type_arguments, ">"),

    type_literal: ($) => $.string,

    type_record: ($) => seq("{", optional($._record_fields), "}"),

    type_optional: ($) => seq($._type_one, "?"),

    type_dimensions: ($) => seq("[", optional($._dimensions), "]"),

    record_field: ($) => seq(field("name", $._name), ":", $._type),

    binary: ($) => choice(seq($._expr, choice("..", "==", "!=", "<=", ">=", "&&", "||", "*", "/"), $._operand), seq($._expr, "+", $._operand), seq($._expr, "-", $._operand), seq($._expr, "<", $._operand), seq($._expr, ">", $._operand), seq($._expr, "else", $._operand)),

    unary: ($) => choice(seq("-", $._operand), seq("!", $._operand)),

    atom_member: ($) => seq($._atom, ".", $._name),

    index: ($) => seq($._atom, "[", $._indices, "]"),

    call: ($) => seq($._atom, "(", optional($._arguments), ")"),

    with_options: ($) => seq($._atom, "with", $.body),

    as_type: ($) => seq($._atom, "as", $.identifier),

    list: ($) => seq("[", optional($._elements), "]"),

    comprehension: ($) => seq("[", $._expr, "for", $.identifier, "in", $._expr, "]"),

    group: ($) => seq("(", $._expr, ")"),

    prompt: ($) => seq("prompt", $.prompt_text),

    match: ($) => seq("match", $._expr, "{", optional($._arms), "}"),

    if_else: ($) => seq("if", $._expr, "{", $._expr, "}", "else", "{", $._expr, "}"),

    named_argument: ($) => seq(field("name", $._name), "=", $._expr),

    slice_all: ($) => ":",

    slice_from: ($) => seq($._expr, ":"),

    slice_to: ($) => seq(":", $._expr),

    slice: ($) => seq($._expr, ":", $._expr),

    arm: ($) => seq($._pattern, "=>", $._expr),

    // The ranges are ideographs, of which the generator's \p{L} holds only the first and the last.
    identifier: () =>
      /[\p{L}\p{Nl}\p{No}_\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7A3][\p{L}\p{N}_\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7A3]*/,

    number: ($) =>
      seq(
        choice($.digits, seq(alias("$", $.unit), alias($._more_digits, $.digits))),
        optional(alias($._unit, $.unit)),
        repeat(seq(alias($._more_digits, $.digits), alias($._unit, $.unit))),
      ),

    digits: () => /\d[\d_]*(\.\d[\d_]*)?/,

    _more_digits: () => token.immediate(/\d[\d_]*(\.\d[\d_]*)?/),

    _unit: () => token.immediate(prec(1, /[A-Za-z%]+\$?|\$/)),

    string: ($) =>
      choice(
        seq('"', repeat(choice($._text, $.escape, $.interpolation)), token.immediate('"')),
        seq('"""', repeat(choice($._long_text, $.escape, $.interpolation)), token.immediate(prec(1, '"""'))),
      ),

    prompt_text: ($) =>
      choice(
        seq('"', repeat(choice($._line, $.escape, $.jinja, $.jinja_comment)), token.immediate('"')),
        seq(
          '"""',
          repeat(
            choice(
              $._lines,
              alias($._long_jinja, $.jinja),
              alias($._long_jinja_comment, $.jinja_comment),
            ),
          ),
          token.immediate(prec(1, '"""')),
        ),
      ),

    _text: () => token.immediate(prec(1, /[^"\\\n$]+|\$/)),

    _long_text: () => token.immediate(prec(1, /[^"\\$]+|\$|""?/)),

    _line: () => token.immediate(prec(1, /[^"\\\n{]+|\{/)),

    _lines: () => token.immediate(prec(1, /[^"\\{]+|\{|""?|\\./)),

    escape: () => token.immediate(prec(2, /\\(u\{[0-9A-Fa-f]*\}|.|\r?\n)/)),

    interpolation: () => token.immediate(prec(2, /\$\{[^}\n"]*\}/)),

    jinja: () =>
      token.immediate(
        prec(2, /\{\{([^"\\\n}]|\\.|\}[^}"\\\n])*\}\}|\{%([^"\\\n%]|\\.|%[^}"\\\n])*%\}/),
      ),

    jinja_comment: () => token.immediate(prec(2, /\{#([^"\\\n#]|\\.|#[^}"\\\n])*#\}/)),

    _long_jinja: () => token.immediate(prec(2, /\{\{([^}]|\}[^}])*\}\}|\{%([^%]|%[^}])*%\}/)),

    _long_jinja_comment: () => token.immediate(prec(2, /\{#([^#]|#[^}])*#\}/)),

    doc_comment: () => token(/##[^\n]*/),

    comment: () => token(/#([^#\n][^\n]*)?/),
  },
});
