" Colours of Faultbox specs: Starlark with the builtins of the language.
if exists('b:current_syntax')
  finish
endif

syntax keyword faultboxConditional if elif else
syntax keyword faultboxRepeat for in break continue
syntax keyword faultboxStatement def lambda return pass load
syntax keyword faultboxOperator and or not
syntax keyword faultboxConstant True False None
syntax match faultboxNumber '\<\d\+\(\.\d*\)\?\>'
syntax match faultboxComment '#.*$' contains=@Spell
syntax match faultboxArgument '\<\h\w*\ze\s*=[^=]'
syntax match faultboxTest '\<def\s\+\zstest_\w*'
syntax match faultboxDeclaration '\<\(service\|mock_service\|interface\|tcp\|http\|scenario\|fault_assumption\|fault_scenario\|fault_matrix\)\ze\s*('
syntax match faultboxFault '\<\(deny\|delay\|allow\|response\|error\|drop\|truncate\|throttle\|duplicate\|corrupt\|fault\|fault_start\|fault_stop\|fault_all\)\ze\s*('
syntax match faultboxCheck '\<\(assert_\w\+\|parallel\|events\)\ze\s*('
syntax match faultboxEscape '\\.' contained
syntax region faultboxString start='[rRbB]\{0,2}"' end='"' skip='\\"' oneline contains=faultboxEscape
syntax region faultboxString start="[rRbB]\{0,2}'" end="'" skip="\\'" oneline contains=faultboxEscape
syntax region faultboxString start='[rRbB]\{0,2}"""' end='"""' contains=faultboxEscape
syntax region faultboxString start="[rRbB]\{0,2}'''" end="'''" contains=faultboxEscape
syntax sync minlines=100

highlight default link faultboxConditional Conditional
highlight default link faultboxRepeat Repeat
highlight default link faultboxStatement Statement
highlight default link faultboxOperator Operator
highlight default link faultboxConstant Constant
highlight default link faultboxNumber Number
highlight default link faultboxComment Comment
highlight default link faultboxArgument Identifier
highlight default link faultboxTest Function
highlight default link faultboxDeclaration Structure
highlight default link faultboxFault Special
highlight default link faultboxCheck Function
highlight default link faultboxEscape SpecialChar
highlight default link faultboxString String

let b:current_syntax = 'faultbox'
