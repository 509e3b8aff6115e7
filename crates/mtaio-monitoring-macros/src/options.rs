//! What stands in the parentheses of `#[trace(…)]`.

use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Expr, Ident, LitStr, Result, Token, parenthesized};

const ACCEPTED: &str = "`profiler = EXPRESSION`, `name = \"…\"`, `err` and `fields(key = EXPRESSION, …)`";

#[derive(Default)]
pub(crate) struct Options {
    pub(crate) profiler: Option<Expr>,
    pub(crate) name: Option<LitStr>,
    pub(crate) err: Option<Ident>,
    pub(crate) fields: Option<Vec<Field>>,
}

pub(crate) struct Field {
    pub(crate) key: Ident,
    pub(crate) value: Expr,
}

impl Parse for Field {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let key = input.call(Ident::parse_any)?;
        if !input.peek(Token![=]) {
            return Err(syn::Error::new(key.span(), format!("a field has a value: write `{key} = EXPRESSION`")));
        }
        input.parse::<Token![=]>()?;
        Ok(Self { key, value: input.parse()? })
    }
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut options = Self::default();
        while !input.is_empty() {
            if !input.peek(Ident::peek_any) {
                return Err(input.error(format!("#[trace] takes {ACCEPTED}")));
            }
            let option = input.call(Ident::parse_any)?;
            let again = match option.to_string().as_str() {
                "profiler" => {
                    input.parse::<Token![=]>()?;
                    options.profiler.replace(input.parse()?).is_some()
                }
                "name" => {
                    input.parse::<Token![=]>()?;
                    options.name.replace(input.parse()?).is_some()
                }
                "err" => options.err.replace(option.clone()).is_some(),
                "fields" => {
                    let inner;
                    parenthesized!(inner in input);
                    let fields = Punctuated::<Field, Token![,]>::parse_terminated(&inner)?;
                    options.fields.replace(fields.into_iter().collect()).is_some()
                }
                _ => {
                    let message = format!("#[trace] has no option `{option}`; it takes {ACCEPTED}");
                    return Err(syn::Error::new(option.span(), message));
                }
            };
            if again {
                return Err(syn::Error::new(option.span(), format!("`{option}` is given twice; once is enough")));
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(options)
    }
}
