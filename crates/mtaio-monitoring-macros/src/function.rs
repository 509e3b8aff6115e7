//! The function below the attribute.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Attribute, Error, Expr, LitStr, Result, ReturnType, Signature, Token, Visibility};

use crate::options::Options;

/// A function, free or in an `impl` or a trait. Its body is handed on as it is: what is wrong in it the compiler says.
pub(crate) struct Function {
    attributes: Vec<Attribute>,
    visibility: Visibility,
    /// `default` of a specialised method.
    defaultness: Option<Token![default]>,
    signature: Signature,
    body: TokenStream,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility: Visibility = input.parse()?;
        let defaultness = input.parse()?;
        let rest = input.fork();
        let Ok(signature) = input.parse::<Signature>() else {
            return Err(rest.error("#[trace] goes on a function: `fn` or `async fn`, free or a method"));
        };
        if input.peek(Token![;]) {
            let message = "#[trace] needs a body to trace: put it on the method in the `impl`";
            return Err(Error::new(signature.ident.span(), message));
        }
        Ok(Self { attributes, visibility, defaultness, signature, body: input.parse()? })
    }
}

impl Function {
    /// The same function, traced.
    pub(crate) fn traced(&self, options: &Options) -> Result<TokenStream> {
        let Self { attributes, visibility, defaultness, signature, body } = self;
        if let Some(constness) = &signature.constness {
            return Err(Error::new(constness.span(), "a `const fn` cannot be traced: it may run in the compiler"));
        }
        if let (Some(err), ReturnType::Default) = (&options.err, &signature.output) {
            return Err(Error::new(
                err.span(),
                "`err` is for a function that returns a `Result`; this one returns `()`",
            ));
        }
        let name = &options.name;
        let name = name.as_ref().map_or_else(|| signature.ident.unraw().to_string(), LitStr::value);
        // A handle of its own: the body may need `&mut self`, or move what the expression borrows from.
        let profiler = options.profiler.as_ref().map(|profiler| match profiler {
            // A second `&` would be one too many for clippy.
            Expr::Reference(reference) => &*reference.expr,
            other => other,
        });
        let profiler = match profiler {
            Some(profiler) => quote_spanned! {profiler.span()=>
                let __profiler = ::core::clone::Clone::clone(::mtaio_monitoring::profiler::attribute::profiler(&#profiler));
            },
            None => quote! { let __profiler = ::mtaio_monitoring::Profiler::global(); },
        };
        // Before the body, which may move what they are made of.
        let fields: Vec<_> = options.fields.iter().flatten().collect();
        let keys: Vec<_> =
            fields.iter().map(|field| LitStr::new(&field.key.unraw().to_string(), field.key.span())).collect();
        let values: Vec<_> = (0..fields.len()).map(|number| format_ident!("__field_{number}")).collect();
        let fields = fields.iter().zip(&values).map(|(field, value)| {
            let expression = &field.value;
            quote_spanned! {expression.span()=>
                let #value = ::mtaio_monitoring::profiler::attribute::value(#expression);
            }
        });
        // What `?` and `return` give inside the body is told by a return that never happens.
        let output = match &signature.output {
            ReturnType::Default => quote! { () },
            ReturnType::Type(_, output) => output.to_token_stream(),
        };
        let told = if says_impl(output.clone()) {
            quote! {}
        } else {
            quote! {
                #[allow(unreachable_code, clippy::diverging_sub_expression, clippy::empty_loop, clippy::let_unit_value)]
                if false {
                    let __output: #output = loop {};
                    return __output;
                }
            }
        };
        let body = if signature.asyncness.is_some() {
            let with_errors = options.err.as_ref().map(|err| quote_spanned! {err.span()=> .with_errors() });
            quote! {
                #(#fields)*
                let __traced = {
                    #profiler
                    __profiler.trace(#name, async move { #told #body })
                };
                __traced #(.with(#keys, #values))* #with_errors .await
            }
        } else if let Some(err) = &options.err {
            let fail = quote_spanned! {err.span()=>
                if let ::core::result::Result::Err(__error) = &__output {
                    __entered.fail(__error);
                }
            };
            quote! {
                #(#fields)*
                #profiler
                #[allow(unused_mut)]
                let mut __entered = __profiler.enter(#name);
                #(__entered.record(#keys, #values);)*
                #[allow(clippy::redundant_closure_call)]
                let __output = (move || { #told #body })();
                #fail
                __output
            }
        } else {
            quote! {
                #(#fields)*
                #profiler
                #[allow(unused_mut)]
                let mut __entered = __profiler.enter(#name);
                #(__entered.record(#keys, #values);)*
                #body
            }
        };
        Ok(quote! { #(#attributes)* #visibility #defaultness #signature { #body } })
    }
}

/// Whether a type has an `impl` in it, which a `let` may not say.
fn says_impl(output: TokenStream) -> bool {
    output.into_iter().any(|token| match token {
        TokenTree::Ident(word) => word == "impl",
        TokenTree::Group(group) => says_impl(group.stream()),
        _ => false,
    })
}
